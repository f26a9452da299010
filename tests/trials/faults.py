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
    needs_network: bool = False  #: whether one of the workers must be in a network of its own


def _kill(name: str) -> Callable[[ClusterOnTrial], None]:
    return lambda cluster: cluster.supervisor.processes[name].send(signal.SIGKILL)


def _kill_worker(cluster: ClusterOnTrial) -> None:
    cluster.find_sender().send(signal.SIGKILL)


def _stop_worker(seconds: float) -> Callable[[ClusterOnTrial], None]:
    def happen(cluster: ClusterOnTrial) -> None:
        worker = cluster.find_sender()
        worker.send(signal.SIGSTOP)
        time.sleep(seconds)
        worker.send(signal.SIGCONT)

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


def cut_link(link: str, seconds: float) -> Callable[[ClusterOnTrial], None]:
    """Return what cuts a link of the worker in a network of its own, and mends it."""

    def happen(cluster: ClusterOnTrial) -> None:
        assert cluster.far_network is not None
        cluster.far_network.cut(link)
        time.sleep(seconds)
        cluster.far_network.mend(link)

    return happen


#: In this order, after a wave to compare with; what may leave messages in doubt comes early.
FAULTS: dict[str, ClusterFault] = {
    fault.name: fault
    for fault in (
        ClusterFault("nothing", lambda _cluster: None),
        ClusterFault("mail server gone for 10 s", _lose_mail_server),
        ClusterFault(
            "worker without the mail server for 40 s",
            cut_link("mail", _CUT),
            needs_network=True,
        ),
        ClusterFault(
            "worker without the database for 40 s",
            cut_link("database", _CUT),
            needs_network=True,
        ),
        ClusterFault("kill -9 of a worker", _kill_worker),
        ClusterFault("kill -9 of a scheduler", _kill("schedule 1")),
        ClusterFault("kill -9 of a web process", _kill("serve 1")),
        ClusterFault("worker stopped for longer than its jobs", _stop_worker(_LONGER_THAN_JOBS)),
        ClusterFault(
            "worker stopped for longer than its claims",
            _stop_worker(_LONGER_THAN_CLAIMS),
        ),
        ClusterFault("database restarted", _restart("fast")),
        ClusterFault("database crashed", _restart("immediate")),
        ClusterFault("all sessions ended", ClusterOnTrial.end_sessions),
    )
}
