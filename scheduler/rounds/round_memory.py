"""What the rounds of a process remember, so that one with nothing to do need not ask the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

import msgspec

from alerts.limits import Limiter
from alerts.operator import DamageSurvey
from scheduler.pings import RoundPings
from scheduler.rounds.liveness import Liveness

#: What only the passing of days changes is looked at again after so long.
_HOUR = timedelta(hours=1)


class _Done(msgspec.Struct, frozen=True):
    key: Hashable
    done_at: datetime
    due_at: datetime


class HourlyWork:
    """Says what is due: what has changed, or was last done an hour ago. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, _Done] = {}

    def is_due(self, name: str, now: datetime, key: Hashable = None) -> bool:
        """Return whether something is to be done.

        Args:
            name: What it is.
            now: The present, aware. A clock that went back makes everything due.
            key: What the result depends on.
        """
        with self._lock:
            done = self._done.get(name)
        return done is None or done.key != key or not done.done_at <= now < done.due_at

    def mark_done(
        self, name: str, now: datetime, key: Hashable = None, due_at: datetime | None = None
    ) -> None:
        """Keep that it was done.

        Args:
            name: What was done.
            now: When, aware.
            key: What the result depends on.
            due_at: When it is due again, if that is known to be within the hour.
        """
        latest = now + _HOUR
        with self._lock:
            self._done[name] = _Done(key, now, min(latest, due_at or latest))


class RoundMemory:
    """What the rounds of one process share."""

    def __init__(self) -> None:
        self.liveness = Liveness()
        self.hourly = HourlyWork()
        self.damage = DamageSurvey()
        self.pings = RoundPings()
        self._limiter: Limiter | None = None

    def get_limiter(self, create: Callable[[], Limiter]) -> Limiter:
        """Return the limits, kept open: to connect costs more than to look."""
        self._limiter = self._limiter or create()
        return self._limiter

    def close(self) -> None:
        """Close what is open; the next round opens it again."""
        if self._limiter is not None:
            self._limiter.close()
