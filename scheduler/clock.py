"""Clocks. Only the scheduler reads the time; everything below it is given a moment or a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from alerts.errors import ExitStatus, WatchwordError


class ClockDoubted(WatchwordError):
    """The machine's clock is far ahead of the last round, and nothing bears it out."""

    exit_status = ExitStatus.RETRY


#: Returns the time now, aware, in UTC.
Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Return the time of the system's clock, aware, in UTC."""
    return datetime.now(UTC)


class FastClock:
    """A clock for the demo: it can run faster than real time and be put forward, never back."""

    def __init__(self, start: datetime, rate: float) -> None:
        """Start the clock.

        Args:
            start: What it shows now.
            rate: Seconds on this clock per real second.
        """
        self._since = time.monotonic()
        self._start = start
        self._rate = rate

    def __call__(self) -> datetime:
        """Return the time on this clock."""
        return self._start + timedelta(seconds=(time.monotonic() - self._since) * self._rate)

    def skip_to(self, moment: datetime) -> None:
        """Put the clock forward to ``moment``; do nothing if it is past it already."""
        self._set(max(moment, self()), self._rate)

    def set_rate(self, rate: float) -> None:
        """Let ``rate`` seconds pass per real second from now on."""
        self._set(self(), rate)

    def _set(self, moment: datetime, rate: float) -> None:
        self._start, self._since, self._rate = moment, time.monotonic(), rate
