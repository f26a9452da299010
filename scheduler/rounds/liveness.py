"""What idle rounds leave in the ledger: that they looked, once a minute, in one short transaction.

A round that finds nothing to do reads, and writes nothing. That it was there is kept in memory, and
written together with what the clock showed when a minute has passed since the last time. The
transaction changes rows of its own only, so it waits for no other writer on PostgreSQL; on SQLite
it holds the lock for about a millisecond.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from alerts.ledger import Ledger, clock_readings, jobs
from alerts.ledger.clock_readings import ClockReading

#: Half of what a monitor asks in, and far below the hour after which rounds count as missing. A
#: process that is killed loses as much of what idle rounds said.
_PERIOD = timedelta(minutes=1)


class Liveness:
    """What the idle rounds of a process have seen since it was last written. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, datetime] = {}
        self._reading: ClockReading | None = None
        self._written_at: datetime | None = None

    def note_idle(self, job: str, now: datetime) -> None:
        """Keep that a job found nothing to do."""
        with self._lock:
            self._ends[job] = now

    def note_clock(self, reading: ClockReading) -> None:
        """Keep what the clock shows, which agrees with the ledger."""
        with self._lock:
            self._reading = reading

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time to write: at once in a new process, then after a minute."""
        if self._written_at is None:
            return True
        return not timedelta() <= now - self._written_at < _PERIOD

    def write(self, ledger: Ledger, now: datetime, *, is_alone: bool = True) -> None:
        """Write what was kept, if it is time.

        Args:
            ledger: The ledger.
            now: The present, aware.
            is_alone: Whether nobody else may run the jobs; see :func:`alerts.ledger.jobs.begin`.

        Raises:
            LedgerUnavailable: The ledger cannot be used now. It is kept for the next time.
            WriterLost: Another process has become the writer.
        """
        with self._lock:
            if not self.is_due(now) or not (self._ends or self._reading):
                return
            with ledger.writing_shard() as connection:
                jobs.note_idle(connection, self._ends, is_alone=is_alone)
                if self._reading is not None:
                    clock_readings.advance(connection, self._reading)
            self._ends, self._reading, self._written_at = {}, None, now
