"""The tiers of tests: which they are in, the order they run in, and what holds for each.

A test's tier is its marker; see ``markers`` in pyproject.toml. Some markers follow from a test's
folder, fixtures and parameters. What a tier may do is enforced: see :class:`TierCheck`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import groupby
from typing import Any

import pytest

#: Fixtures that give a test its tier.
_MARKER_OF_FIXTURE = {
    "postgres_server": "postgres",
    "browser": "browser",
    "postfix": "postfix",
}
#: Tiers whose tests may start processes.
_WITH_PROCESSES = {"browser", "kill", "postfix", "postgres", "process"}
_TIERS = {*_WITH_PROCESSES, "slow"}
#: The functions that start a process.
_STARTING_PROCESSES: tuple[tuple[object, str], ...] = (
    (subprocess.Popen, "__init__"),
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp")),
)


def add_markers(items: Sequence[pytest.Item]) -> None:
    """Mark each test with the tiers that follow from its folder, fixtures and parameters."""
    for item in items:
        if "kills" in item.path.parts:
            item.add_marker("kill")
        for fixture in getattr(item, "fixturenames", ()):
            if marker := _MARKER_OF_FIXTURE.get(fixture):
                item.add_marker(marker)
        call = getattr(item, "callspec", None)
        if call is not None and "postgresql" in call.params.values():
            item.add_marker("postgres")


def is_in(item: pytest.Item, tiers: set[str]) -> bool:
    """Return whether a test is in one of some tiers."""
    return any(marker.name in tiers for marker in item.iter_markers())


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


class TierCheck:
    """Whether a test keeps to its tier: only some may start processes."""

    def __init__(self) -> None:
        self._started: list[str] = []
        for owner, name in _STARTING_PROCESSES:
            self._watch(owner, name)

    def _watch(self, owner: object, name: str) -> None:
        """Note each call of a function that starts a process.

        An audit hook of Python would do so too, but it is called within :func:`sys.settrace`, and
        lets another thread interrupt it there, whose own call fails then: debuggers call it in
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
