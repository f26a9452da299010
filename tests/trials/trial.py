"""One trial: a fault in each wave of questions, and the audit at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from alerts.ledger import LedgerUnavailable
from alerts.ledger.schema import message
from tests.chaos.system import wait_for
from tests.trials.audit import find_untruth, list_doubted, list_problems
from tests.trials.cluster import ClusterOnTrial, run_cluster_on_trial
from tests.trials.faults import ClusterFault
from tests.trials.population import Population

#: Of the digests of a wave: those that have arrived when its fault comes, and when it is over.
_UNDER_WAY, _MOSTLY_DONE = 0.1, 0.95
#: Seconds that a wave may take from its fault on; what comes later is waited for at the end.
_WAVE_SECONDS = 240.0
#: Seconds from the last wave until all is sent: a message in doubt is tried again after five
#: minutes, and one whose worker was lost while handing it over after fifteen.
END_SECONDS = 1200.0
#: As a mail server that writes messages to the disk. All who are lost meanwhile leave messages in
#: doubt.
MAIL_SECONDS = 0.02
#: Seconds until the status is true; also of the start, where all processes begin at once.
_STATUS_SECONDS = 60.0


@dataclass
class TrialReport:
    """What was seen in a trial."""

    waves: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)  #: pages that took too long
    figures: list[str] = field(default_factory=list)


def run_faults(
    folder: Path,
    subscribers: int,
    faults: Sequence[ClusterFault],
    say: Callable[[str], None] = lambda _line: None,
    end_seconds: float = END_SECONDS,
    mail_seconds: float = MAIL_SECONDS,
) -> TrialReport:
    """Run a cluster with a wave of questions for each fault; return what was seen.

    Args:
        folder: An empty folder.
        subscribers: Each is concerned by one wave.
        faults: What happens, one in each wave.
        say: Called with each line of the report as soon as it is known.
        mail_seconds: Until the mail server acknowledges a message.
        end_seconds: How long all may take to be sent after the last fault.
    """
    population = Population(subscribers, len(faults))
    has_far_worker = any(fault.needs_network for fault in faults)
    report, began = TrialReport(), time.monotonic()
    with run_cluster_on_trial(
        folder, population, has_far_worker=has_far_worker, mail_seconds=mail_seconds
    ) as cluster:
        try:
            _wait_for_start(cluster)
            for wave, fault in enumerate(faults):
                report.waves.append(_run_wave(cluster, wave, fault))
                say(report.waves[-1])
            _finish(cluster, report, end_seconds)
        finally:
            for name, log in cluster.supervisor.read_logs().items():
                report.figures.append(f"{name}: {len(log.splitlines())} lines in the log")
    report.figures.append(f"{time.monotonic() - began:.0f} s in all")
    return report


def _wait_for_start(cluster: ClusterOnTrial) -> None:
    """Wait until every process has said that it lives, and the pages have answered."""

    def is_started() -> bool:
        return find_untruth(cluster) is None and all(
            visitor.statuses["200"] for visitor in cluster.visitors
        )

    assert wait_for(is_started, _STATUS_SECONDS), find_untruth(cluster)


def _run_wave(cluster: ClusterOnTrial, wave: int, fault: ClusterFault) -> str:
    """Ask the questions of a wave, let its fault happen, and wait for most of its digests."""
    readers = cluster.population.count_readers(wave)
    assert wait_for(lambda: _ask(cluster, wave), 60)

    def has_arrived(share: float) -> bool:
        cluster.arrivals.read()
        return cluster.arrivals.digests[wave] >= share * readers

    wait_for(lambda: has_arrived(_UNDER_WAY), _WAVE_SECONDS, between=0.02)
    before = cluster.arrivals.digests[wave]
    fault.happen(cluster)
    over = time.monotonic()
    cluster.arrivals.read()
    meanwhile = cluster.arrivals.digests[wave]
    is_done = wait_for(lambda: has_arrived(_MOSTLY_DONE), _WAVE_SECONDS, between=0.05)
    return (
        f"{fault.name}: {before} of {readers} digests had arrived when it began, {meanwhile} when "
        f"it was over, {cluster.arrivals.digests[wave]} {time.monotonic() - over:.1f} s later"
        f"{'' if is_done else ' (the others come later)'}"
    )


def _ask(cluster: ClusterOnTrial, wave: int) -> bool:
    """Record the questions of a wave; return False where the database has just come back."""
    try:
        cluster.population.ask_questions(cluster.ledger, wave)
    except LedgerUnavailable:
        return False
    return True


def _finish(cluster: ClusterOnTrial, report: TrialReport, seconds: float) -> None:
    """Wait until all is sent and the status is true; then audit."""
    readers = cluster.population.subscribers

    def is_sent() -> bool:
        cluster.arrivals.read()
        return cluster.arrivals.digests.total() >= readers and not _has_unsent(cluster)

    if not wait_for(is_sent, seconds):
        report.problems.append("not all messages were sent")
    untruth: str | None = None

    def is_status_true() -> bool:
        nonlocal untruth
        untruth = find_untruth(cluster)
        return untruth is None

    if not wait_for(is_status_true, _STATUS_SECONDS, between=2):
        report.problems.append(untruth or "")
    cluster.arrivals.read()
    doubted = list_doubted(cluster.ledger)
    report.problems += list_problems(cluster, doubted)
    report.late += [one for visitor in cluster.visitors for one in visitor.late]
    report.figures += _list_figures(cluster, doubted)


def _has_unsent(cluster: ClusterOnTrial) -> bool:
    waiting = select(message.c.id).where(message.c.phase.in_(("queued", "sending", "handing_over")))
    with cluster.ledger.reading() as connection:
        return connection.execute(waiting.limit(1)).first() is not None


def _list_figures(cluster: ClusterOnTrial, doubted: set[str]) -> list[str]:
    arrived = cluster.arrivals.by_message_id
    copies = sum(one.copies for one in arrived.values())
    pages = [
        f"{one.process.name}: answers {dict(one.statuses)}, the slowest {one.worst[0]:.2f} s "
        f"({one.worst[1]})"
        for one in cluster.visitors
    ]
    sent = cluster.arrivals.digests.total()
    return [
        f"{sent} digests; {len(doubted)} messages were in doubt, {copies} copies arrived",
        *pages,
        *(
            f"{one.name}: started {one.starts} times"
            for one in cluster.supervisor.processes.values()
            if one.starts > 1
        ),
        *(f"{name} ended by itself: {status}" for name, status in cluster.supervisor.exits),
    ]
