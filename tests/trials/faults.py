"""What can happen to a cluster, and what the others must make up for."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from alerts.ledger.claims import LeasePeriods
from tests.trials.cluster import STALLED_SECONDS, ClusterOnTrial

#: Seconds for which a stopped worker stands still: its jobs go to others meanwhile.
_LONGER_THAN_JOBS = STALLED_SECONDS + 3
#: ... and the messages that it was sending.
_LONGER_THAN_CLAIMS = LeasePeriods().sending.total_seconds() + 10
#: Seconds for which servers are gone.
_GONE = 10.0
#: Seconds for which a link is cut: longer than it takes to notice (20 s), and shorter than what
#: happened is remembered until it can be recorded (60 s).
_CUT = 40.0


@dataclass(frozen=True)
class ClusterFault:
    """A fault, from its beginning to its end."""

    name: str
    happen: Callable[[ClusterOnTrial], None]  #: returns when it is over
    is_slow: bool = False  #: whether it takes more than ten seconds
    needs_network: bool = False  #: whether one of the workers must be in a network of its own


def _kill(name: str) -> Callable[[ClusterOnTrial], None]:
    return lambda cluster: cluster.supervisor.processes[name].send(signal.SIGKILL)


def _stop(name: str, seconds: float) -> Callable[[ClusterOnTrial], None]:
    def happen(cluster: ClusterOnTrial) -> None:
        process = cluster.supervisor.processes[name]
        process.send(signal.SIGSTOP)
        time.sleep(seconds)
        process.send(signal.SIGCONT)

    return happen


def _restart(mode: str) -> Callable[[ClusterOnTrial], None]:
    def happen(cluster: ClusterOnTrial) -> None:
        cluster.database.stop(mode)
        cluster.database.start()

    return happen


def _lose_mail_server(cluster: ClusterOnTrial) -> None:
    cluster.mail_server.go_away()
    time.sleep(_GONE)
    cluster.mail_server.come_back()


def _cut(link: str) -> Callable[[ClusterOnTrial], None]:
    def happen(cluster: ClusterOnTrial) -> None:
        assert cluster.far_network is not None
        cluster.far_network.cut(link)
        time.sleep(_CUT)
        cluster.far_network.mend(link)

    return happen


#: In this order; what leaves messages in doubt for minutes comes early.
FAULTS: dict[str, ClusterFault] = {
    fault.name: fault
    for fault in (
        ClusterFault("mail server gone for 10 s", _lose_mail_server, is_slow=True),
        ClusterFault(
            "worker without the mail server for 40 s",
            _cut("mail"),
            is_slow=True,
            needs_network=True,
        ),
        ClusterFault(
            "worker without the database for 40 s",
            _cut("database"),
            is_slow=True,
            needs_network=True,
        ),
        ClusterFault("kill -9 of a worker", _kill("work 1")),
        ClusterFault("kill -9 of a scheduler", _kill("schedule 1")),
        ClusterFault("kill -9 of a web process", _kill("serve 1")),
        ClusterFault("worker stopped for longer than its jobs", _stop("work 2", _LONGER_THAN_JOBS)),
        ClusterFault(
            "worker stopped for longer than its claims",
            _stop("work 1", _LONGER_THAN_CLAIMS),
            is_slow=True,
        ),
        ClusterFault("database restarted", _restart("fast")),
        ClusterFault("database crashed", _restart("immediate")),
        ClusterFault("all sessions ended", ClusterOnTrial.end_sessions),
    )
}
