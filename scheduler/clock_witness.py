"""What can bear out the machine's clock: its uptime, and the dates that servers give."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path

import requests

from alerts.delivery import BoundedSession
from alerts.ledger.clock_readings import ClockReading

#: A service may be off for a day, or run once a day.
MAX_GAP = timedelta(days=1)
_TIMEOUT_SECONDS = 10.0
_MAX_SERVERS = 3
#: Ten minutes, in seconds: the servers are not asked in every round that is refused.
_ASKING_PERIOD = 600.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UPTIME = Path("/proc/uptime")


@dataclass
class ClockWitness:
    """What can bear out the machine's clock. Threads may share it."""

    #: The User-Agent for each URL of a server that says the time; they are asked one after another.
    user_agents: Mapping[str, str]
    boot_id: Path = _BOOT_ID
    uptime: Path = _UPTIME
    _asked_at: float | None = None  #: on the monotonic clock

    def read(self, now: datetime) -> ClockReading:
        """Return the clock together with the machine's uptime, where the kernel says it."""
        try:
            boot = self.boot_id.read_text().strip()
            uptime = float(self.uptime.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return ClockReading(now)
        return ClockReading(now, boot, uptime)

    def bears_out(self, reading: ClockReading, earlier: Sequence[ClockReading]) -> bool:
        """Return whether the uptime or a server agrees with the clock, to within a day."""
        if any(one.agrees_with(reading, MAX_GAP) for one in earlier):
            return True
        return any(abs(date - reading.moment) <= MAX_GAP for date in self._ask_servers())

    def _ask_servers(self) -> Iterable[datetime]:
        asked_at, self._asked_at = self._asked_at, time.monotonic()
        if asked_at is not None and self._asked_at - asked_at < _ASKING_PERIOD:
            self._asked_at = asked_at
            return
        for url, user_agent in islice(self.user_agents.items(), _MAX_SERVERS):
            date = _ask_for_date(url, user_agent)
            if date is not None:
                yield date


def _ask_for_date(url: str, user_agent: str) -> datetime | None:
    """Return the time by a server; None if it does not say it."""
    try:
        with BoundedSession() as session:
            reply = session.head(url, headers={"User-Agent": user_agent}, timeout=_TIMEOUT_SECONDS)
    except (requests.RequestException, ValueError):
        return None
    text = reply.headers.get("Date")
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date.astimezone(UTC) if date.tzinfo else None
