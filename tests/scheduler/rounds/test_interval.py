"""How often the jobs of a process run, whatever its clock shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.rounds import Interval

NOON = datetime(2026, 7, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "expected"),
    [(0, 30), (1, 30), (29.9, 30), (30, 60), (31, 60), (3600, 3630), (3629, 3630), (-3600, 30)],
)
def test_the_next_run_is_after_now_and_whole_periods_after_the_last(
    late: float, expected: float
) -> None:
    found = Interval(30).get_next_fire_time(NOON, NOON + timedelta(seconds=late))
    assert found == NOON + timedelta(seconds=expected)


def test_the_first_run_is_at_once() -> None:
    assert Interval(30).get_next_fire_time(None, NOON) == NOON
