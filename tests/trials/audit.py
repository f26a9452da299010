"""What came of a trial: who was sent what, what was in doubt, and whether the status is true."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from alerts.ledger import Ledger
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.schema import message
from tests.support.paths import WATCHWORD_COMMAND
from tests.trials.arrivals import Arrival
from tests.trials.cluster import BEAT_SECONDS, ClusterOnTrial
from tests.trials.population import Population

#: Beats within which a process is heard of that lives, on a busy machine.
_MAX_BEATS = 5
#: How messages end, where each may be delivered.
_ENDED = "sent"


def list_doubted(ledger: Ledger) -> set[str]:
    """The Message-IDs of messages that were in doubt: handed over, and no reply was recorded."""
    replies = select(func.count()).where(
        delivery_attempt.c.message_id == message.c.id, delivery_attempt.c.outcome != "in_doubt"
    )
    wanted = select(message.c.message_id).where(message.c.attempts > replies.scalar_subquery())
    with ledger.reading() as connection:
        return set(connection.execute(wanted).scalars())


def list_problems(cluster: ClusterOnTrial, doubted: set[str]) -> list[str]:
    """Return what is not as it must be, in words."""
    arrived = cluster.arrivals.by_message_id
    return [
        *compare_digests(arrived, cluster.population),
        *compare_copies(arrived, doubted),
        *_check_outbox(cluster.ledger),
        *(problem for visitor in cluster.visitors for problem in visitor.problems),
        *(
            f"{name}: the log has a traceback"
            for name, log in cluster.supervisor.read_logs().items()
            if "Traceback" in log
        ),
    ]


def compare_digests(arrived: Mapping[str, Arrival], population: Population) -> Iterator[str]:
    """Give the subscribers who were not sent exactly one digest, with the right questions."""
    found: dict[str, list[frozenset[int]]] = {}
    for one in arrived.values():
        found.setdefault(one.address, []).append(one.questions)
    for number in range(population.subscribers):
        address = f"p{number}@demo.example"
        right = [population.list_right_questions(number % population.waves)]
        if (sent := found.get(address, [])) != right:
            yield f"{address} was sent {list(map(sorted, sent))}, not {list(map(sorted, right))}"


def compare_copies(arrived: Mapping[str, Arrival], doubted: set[str]) -> Iterator[str]:
    """Give the messages that arrived again although they were not in doubt, or were changed."""
    for key, one in arrived.items():
        if len(one.hashes) > 1:
            yield f"{key} to {one.address} arrived again with other bytes"
        if one.copies and key not in doubted:
            yield f"{key} to {one.address} arrived {one.copies + 1} times and was never in doubt"


def _check_outbox(ledger: Ledger) -> Iterator[str]:
    """Give how many messages have not ended well, or were noted as sent more than once."""
    times = (
        select(func.count())
        .where(delivery_attempt.c.message_id == message.c.id, delivery_attempt.c.outcome == "sent")
        .scalar_subquery()
    )
    wrong = select(message.c.phase, func.count()).where(or_(message.c.phase != _ENDED, times != 1))
    with ledger.reading() as connection:
        for phase, number in connection.execute(wrong.group_by(message.c.phase)):
            yield f"{number} messages are {phase}, or were noted as sent not once"


def read_status(cluster: ClusterOnTrial) -> dict[str, Any]:
    """What ``watchword status`` says; where it can say nothing, its error is the finding."""
    done = subprocess.run(
        [str(WATCHWORD_COMMAND), "status", "--json"],
        cwd=cluster.folder,
        capture_output=True,
        check=False,
        timeout=60,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout)["data"]
    except ValueError:
        return {"processes": [], "findings": [{"reason": done.stderr.decode()}]}
    return found


def find_untruth(cluster: ClusterOnTrial) -> str | None:
    """Return what ``watchword status`` says that is not so; None if all is true.

    A process that was killed is listed for some minutes, with the time when it was last heard of.
    """
    status = read_status(cluster)
    if status["findings"]:
        return f"the status finds {[one['reason'] for one in status['findings']]}"
    limit = datetime.now(UTC) - timedelta(seconds=_MAX_BEATS * BEAT_SECONDS)
    heard = {
        int(one["name"].rpartition(":")[2]): one["role"]
        for one in status["processes"]
        if datetime.fromisoformat(one["seen_at"]) > limit
    }
    running = {
        one.process.pid: one.role for one in cluster.supervisor.processes.values() if one.process
    }
    return None if heard == running else f"the status hears of {heard}, and {running} run"
