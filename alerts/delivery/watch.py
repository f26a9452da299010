"""Following a delivery from outside: how far it is, and whether it is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable


class DeliveryWatch:
    """Follows one delivery. Threads share it."""

    def __init__(
        self,
        is_stopping: Callable[[], bool] = lambda: False,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        """Follow a delivery that has not begun.

        Args:
            is_stopping: Asked between two messages; when it returns True, the rest stays queued.
            on_progress: Called at the beginning and after each message with the number of those
                that are settled, and of all that are due.
        """
        self.is_stopping = is_stopping
        self._on_progress = on_progress
        self._settled = self._total = 0
        self._lock = threading.Lock()

    def begin(self, total: int) -> None:
        """Set how many messages are due."""
        with self._lock:
            self._total = total
            self._on_progress(self._settled, total)

    def count(self, settled: int) -> None:
        """Add to the number of messages that are sent, have failed, or are not to be sent."""
        with self._lock:
            self._settled += settled
            self._on_progress(self._settled, self._total)
