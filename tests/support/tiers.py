"""The tiers of tests: which they are in, the order they run in, and what holds for each.

A test's tier is its marker; see ``markers`` in pyproject.toml. Some markers follow from a test's
folder, fixtures and parameters. What a tier may do is enforced: see :class:`TierCheck`.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import groupby
from typing import Any

import pytest

from tests.support.paths import REPOSITORY

#: Fixtures that give a test its tier.
_MARKER_OF_FIXTURE = {
    "postgres_server": "postgres",
    "browser": "browser",
    "postfix": "postfix",
}
#: Tiers whose tests may start processes.
_WITH_PROCESSES = {"browser", "kill", "postfix", "postgres", "process"}
_TIERS = {*_WITH_PROCESSES, "slow"}
#: Tiers whose coverage is not measured.
_UNMEASURED = {"browser", "kill", "postfix", "slow"}
#: The folders whose tests are measured: of the packages that the report is about, and of the
#: commands that are the only users of some modules of ``alerts.ledger``, of copying a database for
#: one. To measure a test takes as long as to run it, and the others reach few lines more.
_MEASURED_FOLDERS = ("alerts", "crawler", "scheduler/backup", "scheduler/cli")
#: Of these, the folders whose tests are measured on PostgreSQL as well: the others run the same
#: lines on SQLite.
_MEASURED_ON_POSTGRES = ("alerts/ledger", "scheduler/cli")
#: So many cases of a test are measured, on each database: the others run nearly the same lines.
_MEASURED_CASES = 5
_IS_MEASURED = pytest.StashKey[bool]()
#: The variable by which the processes of a test learn that they are measured.
_COVERAGE_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"
#: The functions that start a process.
_STARTING_PROCESSES: tuple[tuple[object, str], ...] = (
    (subprocess.Popen, "__init__"),
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp")),
)


def add_markers(items: Sequence[pytest.Item]) -> None:
    """Mark each test with the tiers that follow from its folder, fixtures and parameters.

    With them it is known whose coverage is measured: see :func:`is_measured`.
    """
    for item in items:
        if "kills" in item.path.parts:
            item.add_marker("kill")
        for fixture in getattr(item, "fixturenames", ()):
            if marker := _MARKER_OF_FIXTURE.get(fixture):
                item.add_marker(marker)
        call = getattr(item, "callspec", None)
        if call is not None and "postgresql" in call.params.values():
            item.add_marker("postgres")
    _choose_measured(items)


def _choose_measured(items: Sequence[pytest.Item]) -> None:
    cases: Counter[tuple[str, bool]] = Counter()
    for item in sorted(items, key=lambda item: item.nodeid):  # not in a random order
        test = item.nodeid.partition("[")[0], is_in(item, {"postgres"})
        can_be = _can_be_measured(item)
        item.stash[_IS_MEASURED] = can_be and cases[test] < _MEASURED_CASES
        cases[test] += can_be


def _can_be_measured(item: pytest.Item) -> bool:
    folders = _MEASURED_ON_POSTGRES if is_in(item, {"postgres"}) else _MEASURED_FOLDERS
    is_of = any(item.path.is_relative_to(REPOSITORY / "tests" / folder) for folder in folders)
    return is_of and not is_in(item, _UNMEASURED)


def is_in(item: pytest.Item, tiers: set[str]) -> bool:
    """Return whether a test is in one of some tiers."""
    return any(marker.name in tiers for marker in item.iter_markers())


def is_measured(item: pytest.Item) -> bool:
    """Return whether the coverage of a test is measured."""
    return item.stash[_IS_MEASURED]


def order(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests so that every worker begins with those that take long.

    ``--dist worksteal`` gives each worker an equal share of the list, in its order. A long test at
    the end would keep one worker busy while the others have nothing left.
    """
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    long_ones = [item for item in items if is_in(item, _TIERS)]
    for _, group in groupby(long_ones, key=lambda item: item.path):  # share a module's fixtures
        min(shares, key=len).extend(group)
    short_ones = [item for item in items if not is_in(item, _TIERS)]
    left = len(items)
    for number, share in enumerate(shares):
        room = max(0, left // (workers - number) - len(share))
        share.extend(short_ones[:room])
        del short_ones[:room]
        left -= len(share)
    return [item for share in shares for item in share] + short_ones


@contextmanager
def measure_as_tier_wants(item: pytest.Item) -> Iterator[None]:
    """Run a test, and measure coverage only where it is gained.

    Processes are measured in the tests of the crawler alone, which reads pages in a process of its
    own. A test of an unmeasured tier takes longer to measure than to run, and runs little code that
    no other test runs.
    """
    plugin: Any = item.config.pluginmanager.getplugin("_cov")
    controller = getattr(plugin, "cov_controller", None)
    measures = is_measured(item)
    if controller is None:
        yield
        return
    if measures and "crawler" in item.path.parts:
        os.environ[_COVERAGE_OF_PROCESSES] = controller.cov.config.serialize()
        yield
        return
    os.environ.pop(_COVERAGE_OF_PROCESSES, None)
    if not measures:
        controller.pause()
    try:
        yield
    finally:
        if not measures:
            controller.resume()


class TierCheck:
    """Whether a test keeps to its tier: only some may start processes."""

    def __init__(self) -> None:
        self._started: list[str] = []
        for owner, name in _STARTING_PROCESSES:
            self._watch(owner, name)

    def _watch(self, owner: object, name: str) -> None:
        """Note each call of a function that starts a process.

        An audit hook of Python would do so too, but it is called within :func:`sys.settrace`, and
        lets another thread interrupt it there, whose own call fails then: coverage calls it in
        each new thread.
        """
        start: Callable[..., Any] = getattr(owner, name)

        @wraps(start)
        def note_and_start(*arguments: Any, **named: Any) -> Any:
            self._started.append(f"{name}{arguments[-1:]}")
            return start(*arguments, **named)

        setattr(owner, name, note_and_start)

    @contextmanager
    def run(self, item: pytest.Item) -> Iterator[None]:
        """Run a test, and fail it if it does what only tests of another tier may do."""
        self._started.clear()
        yield
        if self._started and not is_in(item, _WITH_PROCESSES):
            pytest.fail(f"it starts a process, so it needs a marker: {self._started[0]}")
