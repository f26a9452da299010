"""When a digest is due: the newest due time that has passed, for each frequency. Pure.

A due time is a moment on the subscriber's wall clock, found by local date, so there is exactly
one a day on the days on which the clocks change too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.model import Frequency

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_last_due(
    frequency: Frequency,
    now: datetime,
    zone: str,
    hour: int,
    batch_interval: timedelta = timedelta(),
    meetings: Sequence[date] = (),
) -> datetime:
    """The newest due time at or before ``now``, in UTC.

    Immediate digests are due every ``batch_interval`` (always, where that is nothing), so that
    what comes in
    a burst is one email; weekly ones on Mondays, monthly ones on the first, and those after a
    meeting on the day after each of ``meetings``.
    """
    if frequency == "immediate":
        return now - (now - _EPOCH) % batch_interval if batch_interval else now
    if frequency == "hourly":
        return now.replace(minute=0, second=0, microsecond=0)
    local = ZoneInfo(zone)
    if frequency == "meeting":
        mornings = (datetime.combine(d + _DAY, time(hour), local) for d in meetings)
        return max((m.astimezone(UTC) for m in mornings if m <= now), default=_EPOCH)
    day = _find_latest_day(frequency, now.astimezone(local).date())
    due = datetime.combine(day, time(hour), local).astimezone(UTC)
    if due > now:
        day = _find_latest_day(frequency, day - _DAY)
        due = datetime.combine(day, time(hour), local).astimezone(UTC)
    return due


def _find_latest_day(frequency: Frequency, day: date) -> date:
    """The last day of a frequency, up to ``day``."""
    match frequency:
        case "weekly":
            return day - timedelta(days=day.weekday())
        case "monthly":
            return day.replace(day=1)
        case _:
            return day
