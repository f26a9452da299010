"""The last lines of the log, which a ping takes along."""

from __future__ import annotations

import logging
from collections import deque

#: Lines that are kept: 10 kB, the most that healthchecks keeps of a ping, hold about a hundred.
_MAX_LINES = 200


class RecentLines(logging.Handler):
    """Keeps the last lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append(self.format(record))

    def write_body(self, summary: str, max_bytes: int) -> bytes:
        """Return a summary and the last lines, as many as there is room for.

        Args:
            summary: One line, which is always there.
            max_bytes: Of the whole text, in UTF-8.
        """
        kept = [summary]
        room = max_bytes - len(summary.encode())
        for line in reversed(tuple(self._lines)):
            room -= len(line.encode()) + 1
            if room < 0:
                break
            kept.insert(1, line)
        return "\n".join(kept).encode()[:max_bytes]


#: Those of this process.
RECENT_LINES = RecentLines()
