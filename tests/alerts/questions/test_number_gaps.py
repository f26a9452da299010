"""Gaps in the numbers of a source's questions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.questions import (
    SeenQuestion,
    compute_usual_delay,
    find_gaps,
    make_reference_key,
)

DAY = date(2026, 7, 16)
NOON = datetime(2026, 7, 16, 12, tzinfo=UTC)


def see(reference: str, days: int = 0, day: date = DAY) -> SeenQuestion:
    return SeenQuestion(make_reference_key(reference), day, NOON + timedelta(days=days))


def list_missing(*references: str) -> list[str]:
    return [str(gap) for gap in find_gaps(map(see, references))]


def test_a_gap_is_named_by_its_numbers() -> None:
    assert list_missing("2026/0001", "2026/0002", "2026/0004") == ["2026/0003"]
    assert list_missing("2026/0001", "2026/0005") == ["2026/0002 to 2026/0004"]
    assert list_missing("2026/2024", "2026/2026") == ["2026/2025"]
    assert list_missing("12345", "12347", "HL12", "HL14") == ["12346", "HL13"]


def test_what_is_no_gap() -> None:
    assert list_missing("2025/0001", "2026/0009") == []  # each year begins anew
    assert list_missing("2026/0001", "2026/0002-1", "2026/0002", "none") == []
    assert list_missing("2026/0001", "2026/0900") == []  # what lies between was never read
    assert list_missing("2026/0001", "2026/0001") == []
    assert list_missing() == []


def test_a_gap_counts_from_when_a_higher_number_was_seen() -> None:
    [gap] = find_gaps([see("2026/0001", 9), see("2026/0004", 5), see("2026/0003", 2)])
    assert (str(gap), gap.since) == ("2026/0002", NOON + timedelta(days=2))


def test_the_usual_delay_is_that_of_19_in_20_late_questions() -> None:
    assert compute_usual_delay([see("2026/0001")]) == timedelta(days=7)
    late = [see(f"2026/{number:04}", 3 + number % 2) for number in range(1, 30)]
    delay = compute_usual_delay([*late, see("2026/0099", 0)])
    assert timedelta(days=3) < delay <= timedelta(days=4.1)


@pytest.mark.slow
@given(st.sets(st.integers(1, 150), min_size=1))
def test_known_and_missing_numbers_are_all_from_the_first_to_the_last(numbers: set[int]) -> None:
    gaps = find_gaps([see(f"2026/{number:04}") for number in numbers])
    missing = sum(gap.size for gap in gaps)
    assert len(numbers) + missing == max(numbers) - min(numbers) + 1


def test_a_number_that_two_questions_have_is_no_gap() -> None:
    assert find_gaps([see("2026/0001", 1), see("2026/0001", 0)]) == []


def test_a_gap_has_at_most_200_numbers_and_the_day_of_the_question_before_it() -> None:
    [gap] = find_gaps([see("2026/0001", day=date(2026, 7, 1)), see("2026/0202", day=DAY)])
    assert (gap.size, gap.day, str(gap)) == (200, date(2026, 7, 1), "2026/0002 to 2026/0201")
    assert find_gaps([see("2026/0001"), see("2026/0203")]) == []


@pytest.mark.parametrize(("count", "days", "delay"), [(4, 3, 7), (5, 3, 3), (5, 1, 7)])
def test_five_questions_that_were_late_by_more_than_a_day_make_a_delay(
    count: int, days: int, delay: int
) -> None:
    late = [see(f"2026/{number:04}", days) for number in range(1, count + 1)]
    assert compute_usual_delay([*late, see("2026/0099")]) == timedelta(days=delay)
