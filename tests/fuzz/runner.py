"""Runs targets for a time, and says what failed with which input."""

from __future__ import annotations

import random
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processor_time import measure_processor_time

#: A reader that takes more processor time than this for one input, in seconds, hangs. An
#: input that was slow is read once more: the first one of a kind loads what all others use.
MAX_SECONDS = 1.0
#: By the clock a case may take longer, because other programs want the processor too.
MAX_SECONDS_BY_THE_CLOCK = 20
#: What the process may grow after each target has had its first inputs, in MB.
MAX_GROWTH = 150
_WARM_UP_CASES = 50


class CaseFailedError(AssertionError):
    """An input was neither accepted nor refused in words."""


@dataclass(frozen=True)
class FuzzTarget:
    """One reader of input from outside."""

    name: str
    #: Returns the next input.
    draw: Callable[[random.Random], bytes]
    #: Gives an input to the program; returns what it did with it, in a word: ``refused``.
    run: Callable[[bytes], str]


@dataclass
class TargetReport:
    """What became of the inputs of one target."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    #: What was wrong, and with which inputs; inputs that fail alike are together.
    failures: dict[str, list[Path]] = field(default_factory=dict)
    slowest: float = 0.0  #: processor time of one case, in seconds
    growth: int = 0  #: of the process's memory while this target ran, in MB

    def __str__(self) -> str:
        """Return the report as one line."""
        outcomes = ", ".join(f"{n} {name}" for name, n in sorted(self.outcomes.items()))
        return (
            f"{self.name:10}{self.outcomes.total():7} cases: {outcomes}; "
            f"slowest {self.slowest * 1000:.0f} ms, memory +{self.growth} MB, "
            f"{len(self.failures)} kinds of failure"
        )

    def iter_failures(self) -> Iterator[str]:
        """Yield each kind of failure as text, with one input to look at."""
        for reason, paths in self.failures.items():
            where = f"\n  {len(paths)} inputs, as {paths[0]}" if paths else ""
            yield f"{self.name}: {reason}{where}"


def run_targets(
    targets: Sequence[FuzzTarget], seconds: float, seed: int, failures_folder: Path
) -> list[TargetReport]:
    """Run each target for its share of ``seconds``.

    Args:
        targets: What to run.
        seconds: By the clock, for all together.
        seed: Where the random inputs begin. The same seed draws the same inputs.
        failures_folder: Where inputs that failed are written; made when there is one.
    """
    share = seconds / len(targets)
    return [run_target(target, share, seed, failures_folder) for target in targets]


def run_target(
    target: FuzzTarget, seconds: float, seed: int, failures_folder: Path
) -> TargetReport:
    """Run one target for ``seconds``, and at least once."""
    report = TargetReport(target.name)
    chance = random.Random(f"{seed} {target.name}")  # noqa: S311  # inputs, not secrets
    end = time.monotonic() + seconds
    warm_memory = 0
    while not report.outcomes or time.monotonic() < end:
        data = target.draw(chance)
        if reason := _run_case(target, data, report):
            path = failures_folder / f"{target.name}-{seed}-{report.outcomes.total()}"
            failures_folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            report.failures.setdefault(reason, []).append(path)
        if report.outcomes.total() == _WARM_UP_CASES:
            warm_memory = read_memory()
    if warm_memory:
        report.growth = read_memory() - warm_memory
        if report.growth > MAX_GROWTH:
            report.failures[f"memory grew by {report.growth} MB"] = []
    return report


def _run_case(target: FuzzTarget, data: bytes, report: TargetReport) -> str | None:
    """Run one case; return what is wrong, or None."""
    try:
        outcome, used = _time_case(target, data)
        if used > MAX_SECONDS:
            used = min(used, _time_case(target, data)[1])
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
        report.outcomes["failed"] += 1
        if isinstance(error, CaseFailedError):
            return str(error)
        return "".join(traceback.format_exception(error)[-3:]).strip()
    report.outcomes[outcome] += 1
    report.slowest = max(report.slowest, used)
    return f"took {used:.1f} s of processor time" if used > MAX_SECONDS else None


def _time_case(target: FuzzTarget, data: bytes) -> tuple[str, float]:
    """Run one case; return its outcome and the processor time in seconds."""
    with measure_processor_time() as used, _clock_limit():
        outcome = target.run(data)
    return outcome, used.seconds


@contextmanager
def _clock_limit() -> Iterator[None]:
    """Raise `CaseFailedError` in the block when it waits for something that never comes."""

    def stop(*_: object) -> None:
        raise CaseFailedError(f"no end after {MAX_SECONDS_BY_THE_CLOCK} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS_BY_THE_CLOCK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_memory() -> int:
    """The resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20
