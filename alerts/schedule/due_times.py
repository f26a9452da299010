"""When a digest is due: the newest due time that has passed, for each frequency. Pure.

The rule of each frequency (weekly: on Monday) is in its row of `alerts.model.Frequency`.

A due time of a day is a moment on the subscriber's wall clock, found by local date, so there is
exactly one a day, also on the days on which the clocks change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from alerts.model import BatchInterval, CalendarDay, DayAfterMeeting, FixedInterval, Frequency

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Two due days are at most a year apart, and a day more in leap years.
_MAX_DAYS_APART = 367


def find_last_due(
    frequency: Frequency,
    now: datetime,
    zone: str,
    hour: int,
    batch_interval: timedelta = timedelta(),
    meetings: Sequence[date] = (),
) -> datetime:
    """Return the newest due time at or before ``now``, in UTC.

    Args:
        frequency: How often digests are sent; its rule decides.
        now: The present, in UTC.
        zone: The subscriber's time zone: ``Europe/London``.
        hour: The hour of the subscriber's day at which digests come, 0 to 23.
        batch_interval: How long immediate digests wait after the last one, so that a burst of
            changes is one email; always due where it is zero.
        meetings: The days of the meetings that `DayAfterMeeting` follows.
    """
    match frequency.info.rule:
        case BatchInterval():
            return _floor(now, batch_interval)
        case FixedInterval(length):
            return _floor(now, length)
        case CalendarDay(find_latest):
            return _find_last_day(find_latest, now, ZoneInfo(zone), hour)
        case DayAfterMeeting():
            mornings = (_combine(day + _DAY, ZoneInfo(zone), hour) for day in meetings)
            return max((moment for moment in mornings if moment <= now), default=_EPOCH)


def find_next_due(
    frequency: Frequency,
    now: datetime,
    zone: str,
    hour: int,
    meetings: Sequence[date] = (),
) -> datetime | None:
    """Return the first due time after ``now``, in UTC; arguments as of :func:`find_last_due`.

    Returns:
        None where no time can be named: immediate digests are sent when there is anything, and the
        day of the next meeting is not known.
    """
    match frequency.info.rule:
        case BatchInterval():
            return None
        case FixedInterval(length):
            return _floor(now, length) + length
        case CalendarDay(find_latest):
            return _find_next_day(find_latest, now, ZoneInfo(zone), hour)
        case DayAfterMeeting():
            mornings = (_combine(day + _DAY, ZoneInfo(zone), hour) for day in meetings)
            return min((moment for moment in mornings if moment > now), default=None)


def _find_next_day(
    find_latest: Callable[[date], date], now: datetime, zone: ZoneInfo, hour: int
) -> datetime | None:
    today = now.astimezone(zone).date()
    for number in range(_MAX_DAYS_APART):
        day = today + number * _DAY
        if find_latest(day) == day and (due := _combine(day, zone, hour)) > now:
            return due
    return None


def _floor(now: datetime, interval: timedelta) -> datetime:
    """Return the last multiple of ``interval`` since 1970; ``now`` for an interval of zero."""
    return now - (now - _EPOCH) % interval if interval else now


def _find_last_day(
    find_latest: Callable[[date], date], now: datetime, zone: ZoneInfo, hour: int
) -> datetime:
    day = find_latest(now.astimezone(zone).date())
    due = _combine(day, zone, hour)
    return due if due <= now else _combine(find_latest(day - _DAY), zone, hour)


def _combine(day: date, zone: ZoneInfo, hour: int) -> datetime:
    return datetime.combine(day, time(hour), zone).astimezone(UTC)
