"""Due times on the subscriber's wall clock, right over both changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Frequency
from alerts.schedule import find_last_due

ZONES = st.sampled_from(["Europe/London", "Pacific/Auckland", "America/New_York", "UTC"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("frequency", "now", "due"),
    [
        ("immediate", "2026-07-16T12:34:56", "2026-07-16T12:34:56"),
        ("hourly", "2026-07-16T12:34:56", "2026-07-16T12:00:00"),
        ("daily", "2026-07-16T12:00:00", "2026-07-16T06:00:00"),  # 07:00 in British summer
        ("daily", "2026-07-16T05:59:59", "2026-07-15T06:00:00"),
        ("daily", "2026-07-16T06:00:00", "2026-07-16T06:00:00"),
        ("daily", "2026-12-16T07:00:00", "2026-12-16T07:00:00"),
        ("weekly", "2026-07-16T12:00:00", "2026-07-13T06:00:00"),  # Monday
        ("weekly", "2026-07-13T05:00:00", "2026-07-06T06:00:00"),
        ("monthly", "2026-07-16T12:00:00", "2026-07-01T06:00:00"),
        ("monthly", "2026-07-01T05:59:59", "2026-06-01T06:00:00"),
        ("monthly", "2026-01-01T06:00:00", "2025-12-01T07:00:00"),  # the hour is that of winter
        ("monthly", "2026-11-01T07:00:00", "2026-11-01T07:00:00"),  # a week after the clocks
    ],
)
def test_the_newest_due_time_that_has_passed(frequency: str, now: str, due: str) -> None:
    assert find_last_due(Frequency(frequency), at(now), "Europe/London", 7) == at(due)


def test_immediate_digests_are_five_minutes_apart() -> None:
    moments = [at("2026-07-16T12:00:00") + timedelta(seconds=n) for n in range(0, 1200, 7)]
    batch = timedelta(minutes=5)
    dues = {find_last_due(Frequency.IMMEDIATE, moment, "UTC", 7, batch) for moment in moments}
    assert sorted(dues) == [at("2026-07-16T12:00:00") + n * batch for n in range(4)]
    assert all(
        moment - find_last_due(Frequency.IMMEDIATE, moment, "UTC", 7, batch) < batch
        for moment in moments
    )


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25", "2026-04-05", "2026-11-01"])
@given(zone=ZONES, hour=st.integers(0, 23))
def test_one_due_time_for_each_local_day(change: str, zone: str, hour: int) -> None:
    """Over the days around a change of the clocks: none skipped, none doubled."""
    start = at(change) - timedelta(days=3)
    moments = [start + timedelta(minutes=30 * n) for n in range(6 * 48)]
    dues = sorted({find_last_due(Frequency.DAILY, moment, zone, hour) for moment in moments})
    days = [due.astimezone(ZoneInfo(zone)).date() for due in dues]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    assert all(find_last_due(Frequency.DAILY, moment, zone, hour) <= moment for moment in moments)
