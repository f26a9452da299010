"""What the rounds of a process remember, so that one with nothing to do need not ask the ledger."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from datetime import datetime, timedelta

from alerts.operator import DamageSurvey
from scheduler.liveness import Liveness

#: What only the passing of days changes is looked at again after so long.
_HOUR = timedelta(hours=1)


class HourlyWork:
    """Says what is due: what has changed, or was last done an hour ago. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, tuple[Hashable, datetime]] = {}

    def is_due(self, name: str, now: datetime, key: Hashable = None) -> bool:
        """Return whether something is to be done.

        Args:
            name: What it is.
            now: The present, aware. A clock that went back makes everything due.
            key: What the result depends on.
        """
        with self._lock:
            done = self._done.get(name)
        if done is None or done[0] != key:
            return True
        return not timedelta() <= now - done[1] < _HOUR

    def mark_done(self, name: str, now: datetime, key: Hashable = None) -> None:
        """Keep that it was done; arguments are those of :meth:`is_due`."""
        with self._lock:
            self._done[name] = key, now


class RoundMemory:
    """What the rounds of one process share."""

    def __init__(self) -> None:
        self.liveness = Liveness()
        self.hourly = HourlyWork()
        self.damage = DamageSurvey()
