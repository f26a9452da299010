"""Clocks. Only this room asks for the time; everything below it is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


class FastClock:
    """A clock for the demo: it can run faster than the wall's and be put forward, never back."""

    def __init__(self, start: datetime, rate: float) -> None:
        self._since = time.monotonic()
        self._start = start
        self._rate = rate

    def __call__(self) -> datetime:
        """The time on this clock."""
        return self._start + timedelta(seconds=(time.monotonic() - self._since) * self._rate)

    def skip_to(self, moment: datetime) -> None:
        """Put the clock forward to ``moment``, if it is not past it already."""
        self._set(max(moment, self()), self._rate)

    def set_rate(self, rate: float) -> None:
        """From now on let ``rate`` seconds pass in one."""
        self._set(self(), rate)

    def _set(self, moment: datetime, rate: float) -> None:
        self._start, self._since, self._rate = moment, time.monotonic(), rate
