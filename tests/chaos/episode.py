"""One episode: the source moves on in stages, each with faults, and all is mended after each."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.chaos.audit import Outcome, collect_outcome, compare
from tests.chaos.faults import Fault, draw_faults, list_faults
from tests.chaos.system import SECONDS_BETWEEN_CRAWLS, SystemUnderChaos, run_system, wait_for

#: How long a fault lasts that is undone again: two rounds and the time that a slow one takes.
_FAULT_SECONDS = 2 * SECONDS_BETWEEN_CRAWLS + 4
#: How long a system may take until it is well after all faults have ended.
_MENDING_SECONDS = 150
#: How long it may take until a fault is shown: two rounds, which on a busy machine take a while.
_SHOWING_SECONDS = 25
#: A message that was refused for now is tried again after minutes or hours: while messages wait,
#: the clock is put forward by this many seconds.
_CLOCK_STEP = 45 * 60.0

DrawFaults = Callable[[SystemUnderChaos], Sequence[Fault]]


@dataclass
class EpisodeReport:
    """What happened in an episode."""

    faults: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    may_double: bool = False
    outcome: Outcome | None = None


def run_undisturbed() -> Outcome:
    """Return what comes of an episode without a fault."""
    report = _run_episode("sqlite", lambda _system: ())
    assert report.outcome is not None
    assert not report.problems, report.problems
    return report.outcome


def run_episode(database: str, chance: random.Random, undisturbed: Outcome) -> EpisodeReport:
    """Run an episode with random faults; return what happened, compared with ``undisturbed``."""
    report = _run_episode(database, lambda system: draw_faults(chance, list_faults(system)))
    if report.outcome is not None:
        report.problems += compare(report.outcome, undisturbed, may_double=report.may_double)
    return report


def _run_episode(database: str, draw: DrawFaults) -> EpisodeReport:
    report = EpisodeReport()
    with tempfile.TemporaryDirectory() as name, run_system(Path(name), database) as system:
        system.start_daemon()
        for stage in range(1, len(system.source.world.stages) + 1):
            _run_stage(system, stage, draw(system), report)
            if report.problems:
                report.problems += _list_last_log_lines(system)
                return report
        for _ in range(2):  # a day, in steps that the service believes: what is daily is due
            system.set_clock(system.clock_offset + 12 * 3600)
            _mend(system, report)
        report.outcome = collect_outcome(system)
        if "Traceback" in system.read_log():
            report.problems += ["the log has a traceback", *_list_traceback_lines(system)]
    return report


def _run_stage(
    system: SystemUnderChaos, stage: int, faults: Sequence[Fault], report: EpisodeReport
) -> None:
    report.faults.append(" and ".join(fault.name for fault in faults) or "none")
    report.may_double |= any(fault.may_double for fault in faults)
    for fault in faults:
        fault.begin(system)
    _move_on(system, stage)
    began = time.monotonic()
    must_show = any(fault.is_shown for fault in faults)
    if must_show and not wait_for(lambda: not is_well(system.read_health()), _SHOWING_SECONDS):
        report.problems.append(f"{report.faults[-1]}: not shown: {_describe(system.read_health())}")
    time.sleep(max(0.0, began + _FAULT_SECONDS - time.monotonic()) if faults else 0)
    for fault in reversed(faults):
        fault.end(system)
    _mend(system, report)


def _move_on(system: SystemUnderChaos, stage: int) -> None:
    """Let the source be as it is from ``stage`` on, and the service's clock as much later."""
    begins = (timedelta(), *system.source.world.stages)
    system.source.go_to_stage(stage)
    system.set_clock(system.clock_offset + (begins[stage] - begins[stage - 1]).total_seconds())


def _mend(system: SystemUnderChaos, report: EpisodeReport) -> None:
    """Do what the operator does; wait until all is sent and the service says that it is well."""
    system.start_daemon()
    last: dict[str, Any] | None = None
    last_round = ""

    def is_mended() -> bool:
        nonlocal last, last_round
        time.sleep(SECONDS_BETWEEN_CRAWLS + 1)
        _approve_held(system)
        last = system.read_health()
        _send_held_messages(system, last)
        if last and has_waiting_messages(last):
            rounds = _find_last_good_round(last)
            if rounds != last_round:  # else there was no round since the last step
                last_round = rounds
                system.set_clock(system.clock_offset + _CLOCK_STEP)
            return False
        return is_well(last)

    if not wait_for(is_mended, _MENDING_SECONDS):
        report.problems.append(f"{report.faults[-1]}: not well again: {_describe(last)}")


def _approve_held(system: SystemUnderChaos) -> None:
    """Approve what is held: in this world, nothing that is held is false."""
    if '"example"' in system.run("approvals", "--json").stdout:
        system.run("approve")


def _send_held_messages(system: SystemUnderChaos, health: dict[str, Any] | None) -> None:
    """Send messages again that are held after a second doubt: two faults may follow each other."""
    if health and health["messages"].get("in_doubt"):
        system.run("deliveries", "--phase", "in_doubt", "--retry")


def is_well(health: dict[str, Any] | None) -> bool:
    """Return whether the service says of itself that nothing is wrong.

    That a clock went back, and that receivers refused us, is shown for a day after the fault, so
    neither counts here.
    """
    return health is not None and not any(
        not _is_about_last_day(finding["kind"], finding["reason"]) for finding in health["findings"]
    )


def _is_about_last_day(kind: str, reason: str) -> bool:
    return kind == "refused" or (kind == "clock" and "went back" in reason)


def _find_last_good_round(health: dict[str, Any]) -> str:
    return next((str(job["good_at"]) for job in health["jobs"] if job["name"] == "round"), "")


def _describe(health: dict[str, Any] | None) -> str:
    if health is None:
        return "no status"
    found = [f"{one['subject']}: {one['kind']}: {one['reason']}" for one in health["findings"]]
    return f"{health['state']} {found}, messages {health['messages']}"


def has_waiting_messages(health: dict[str, Any]) -> bool:
    """Return whether messages are neither sent nor given up."""
    return any(health["messages"].get(phase) for phase in ("queued", "sending", "in_doubt", "held"))


def _list_last_log_lines(system: SystemUnderChaos) -> Iterator[str]:
    yield from ("  " + line for line in system.read_log().splitlines()[-25:])


def _list_traceback_lines(system: SystemUnderChaos) -> Iterator[str]:
    """The first traceback of the log, and what led to it."""
    lines = system.read_log().splitlines()
    first = next(number for number, line in enumerate(lines) if "Traceback" in line)
    yield from ("  " + line for line in lines[max(0, first - 5) : first + 60])
