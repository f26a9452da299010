"""Due times on the subscriber's wall clock, right over both changes of the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Frequency
from alerts.schedule import find_last_due, find_next_due

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


@pytest.mark.slow
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


#: Days of meetings; the digest of each is due at 07:00 of the day after it.
MEETINGS = (date(2026, 7, 9), date(2026, 9, 10))


@pytest.mark.parametrize(
    ("now", "last", "next_one"),
    [
        ("2026-07-10T05:59:59", "1970-01-01T00:00:00", "2026-07-10T06:00:00"),  # 07:00 in summer
        ("2026-07-10T06:00:00", "2026-07-10T06:00:00", "2026-09-11T06:00:00"),
        ("2026-09-11T05:59:59", "2026-07-10T06:00:00", "2026-09-11T06:00:00"),
        ("2026-09-11T06:00:00", "2026-09-11T06:00:00", None),
    ],
)
def test_digests_of_a_meeting_are_due_the_morning_after_it(
    now: str, last: str, next_one: str | None
) -> None:
    zone, meeting = "Europe/London", Frequency.MEETING
    assert find_last_due(meeting, at(now), zone, 7, meetings=MEETINGS) == at(last)
    found = find_next_due(meeting, at(now), zone, 7, MEETINGS)
    assert found == (at(next_one) if next_one else None)


def test_without_a_meeting_no_digest_of_one_is_due() -> None:
    now = at("2026-07-10T06:00:00")
    assert find_last_due(Frequency.MEETING, now, "Europe/London", 7) == at("1970-01-01T00:00:00")
    assert find_next_due(Frequency.MEETING, now, "Europe/London", 7) is None


@pytest.mark.parametrize(
    ("frequency", "now", "due"),
    [
        ("immediate", "2026-07-16T12:34:56", None),
        ("hourly", "2026-07-16T12:34:56", "2026-07-16T13:00:00"),
        ("hourly", "2026-07-16T12:00:00", "2026-07-16T13:00:00"),
        ("daily", "2026-07-16T05:59:59", "2026-07-16T06:00:00"),  # 07:00 in British summer
        ("daily", "2026-07-16T06:00:00", "2026-07-17T06:00:00"),
        ("daily", "2026-07-15T23:30:00", "2026-07-16T06:00:00"),  # it is the 16th in London
        ("daily", "2026-10-24T12:00:00", "2026-10-25T07:00:00"),  # the clocks change that night
        ("weekly", "2026-07-13T05:59:59", "2026-07-13T06:00:00"),  # a Monday
        ("weekly", "2026-07-13T06:00:00", "2026-07-20T06:00:00"),
        ("monthly", "2026-07-01T06:00:00", "2026-08-01T06:00:00"),
        ("monthly", "2026-12-01T07:00:00", "2027-01-01T07:00:00"),
    ],
)
def test_the_first_due_time_that_comes(frequency: str, now: str, due: str | None) -> None:
    found = find_next_due(Frequency(frequency), at(now), "Europe/London", 7)
    assert found == (at(due) if due else None)


@pytest.fixture
def far_away() -> Iterator[None]:
    """The machine's own time zone is that of Auckland, where it is tomorrow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_away")
def test_the_time_zone_of_the_machine_does_not_matter() -> None:
    now = at("2026-07-16T22:30:00")  # 23:30 in London, the 17th in Auckland
    found = find_next_due(Frequency.WEEKLY, now, "Europe/London", 23)
    last = find_last_due(Frequency.WEEKLY, now, "Europe/London", 23)
    assert (found, last) == (at("2026-07-20T22:00:00"), at("2026-07-13T22:00:00"))
    assert last.tzinfo is UTC
    monday = at("2026-07-13T21:59:00")  # a Tuesday in Auckland
    assert find_next_due(Frequency.WEEKLY, monday, "Europe/London", 23) == at("2026-07-13T22:00:00")
