"""When a digest is due: the newest due time that has passed, for each frequency. Pure.

A due time is a moment on the subscriber's wall clock, found by local date, so there is exactly
one a day on the days on which the clocks change too.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

Frequency = Literal["immediate", "hourly", "daily", "weekly"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)

_DAYS = {"daily": 1, "weekly": 7}


def last_due(frequency: Frequency, now: datetime, zone: str, hour: int) -> datetime:
    """The newest due time at or before ``now``, in UTC.

    Immediate digests are always due; weekly ones on Mondays.
    """
    if frequency == "immediate":
        return now
    if frequency == "hourly":
        return now.replace(minute=0, second=0, microsecond=0)
    local = ZoneInfo(zone)
    day = now.astimezone(local).date()
    if frequency == "weekly":
        day -= timedelta(days=day.weekday())
    due = datetime.combine(day, time(hour), local).astimezone(UTC)
    if due > now:
        day -= timedelta(days=_DAYS[frequency])
        due = datetime.combine(day, time(hour), local).astimezone(UTC)
    return due
