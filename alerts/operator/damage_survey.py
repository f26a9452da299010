"""Counting damaged rows seldom, because the count reads every row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from alerts.ledger import damaged_rows

#: One count for so many times as long as it takes: a fiftieth of a percent of the time. Rows are
#: damaged by disks and by hand, and each costs itself only. With a thousand subscriptions a count
#: takes 5 ms, and is made in every round; with a million it takes half a second, and is made every
#: hour.
_REST = 5000


class DamageSurvey:
    """The number of damaged rows, as last counted. Threads may share it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Prepare; ``monotonic`` returns seconds."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._counted: Mapping[str, int] = {}
        self._next_at = float("-inf")

    def count(self, connection: Connection) -> Mapping[str, int]:
        """Return how many rows of each kind are damaged, counted anew if it is time."""
        with self._lock:
            began = self._monotonic()
            if began >= self._next_at:
                self._counted = damaged_rows.count_all(connection)
                ended = self._monotonic()
                self._next_at = ended + (ended - began) * _REST
            return self._counted
