"""A system clock that is stepped: imported by each Python process of a service under chaos.

The file that ``CHAOS_CLOCK`` names holds by how many seconds the clock is wrong. The monotonic
clock is left alone, as it is when a real clock is stepped.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import time_machine

_SECONDS_BETWEEN_LOOKS = 0.1


class SteppedClock:
    """The system's clock, wrong by as much as a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._true_time, self._since = time.time(), time.monotonic()
        self._offset = 0.0
        self._traveller = time_machine.travel(self._true_time).start()

    def adjust(self) -> None:
        """Move the clock if the file says something new; one that is being written is empty."""
        offset = float(self._path.read_text() or self._offset)
        if offset != self._offset:
            self._offset = offset
            self._traveller.move_to(self._true_time + time.monotonic() - self._since + offset)

    def follow(self) -> None:
        """Go on for as long as the process lives."""
        while True:
            self.adjust()
            time.sleep(_SECONDS_BETWEEN_LOOKS)


if name := os.environ.get("CHAOS_CLOCK"):
    clock = SteppedClock(Path(name))
    clock.adjust()
    threading.Thread(target=clock.follow, daemon=True).start()
