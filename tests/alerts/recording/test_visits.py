"""When pages are visited again, and which days are listed together."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from alerts.ledger.questions import RevisitCandidate
from alerts.recording.visits import compute_next_visit, select_due_visits, split_into_windows
from crawler.plan import KnownPage, ListingWindow

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_candidate(now: datetime, age: int = 0, **fields: Any) -> RevisitCandidate:
    """A question without an answer, visited now, whose meeting was some days ago."""
    usual: dict[str, Any] = {
        "url": "/1", "status": "unanswered", "meeting_date": (now - age * DAY).date(),
        "first_seen_at": now - 500 * DAY, "visited_at": now, "answered_at": None,
    }  # fmt: skip
    return RevisitCandidate(**(usual | fields))


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (-30, DAY),
        (-1, DAY),
        (0, 6 * HOUR),
        (14, 6 * HOUR),
        (15, DAY),
        (60, DAY),
        (61, 7 * DAY),
        (365, 7 * DAY),
        (366, 30 * DAY),
    ],
)
def test_a_question_without_an_answer_is_visited_less_often_with_time(
    now: datetime, age: int, wait: timedelta
) -> None:
    assert compute_next_visit(make_candidate(now, age)) == now + wait
    unknown = make_candidate(now, meeting_date=None, first_seen_at=now - age * DAY)
    assert compute_next_visit(unknown) == now + wait


def test_an_answered_question_is_visited_weekly(now: datetime) -> None:
    assert compute_next_visit(make_candidate(now, 366, status="answered")) == now + 7 * DAY


@pytest.mark.parametrize("field", ["doubted_at", "not_found_at"])
@pytest.mark.parametrize(("days", "wait"), [(0, 1), (7, 1), (8, 30)])
def test_a_page_in_doubt_is_visited_daily_for_a_week(
    now: datetime, field: str, days: int, wait: int
) -> None:
    doubted = make_candidate(now, 400, **{field: now - days * DAY})
    assert compute_next_visit(doubted) == now + wait * DAY


def test_a_doubt_makes_no_visit_later(now: datetime) -> None:
    assert compute_next_visit(make_candidate(now, doubted_at=now)) == now + 6 * HOUR


def test_the_longest_overdue_are_visited_first(now: datetime) -> None:
    candidates = [
        make_candidate(now, url=f"/{hours}", visited_at=now - hours * HOUR, etag=f"e{hours}")
        for hours in (5, 6, 8, 7)
    ]
    candidates.append(make_candidate(now, url="/0", visited_at=now - 8 * HOUR, last_modified="x"))
    due = select_due_visits(candidates, now, 3)
    assert due == (KnownPage("/0", None, "x"), KnownPage("/8", "e8"), KnownPage("/7", "e7"))
    assert [page.url for page in select_due_visits(candidates, now, 9)] == ["/0", "/8", "/7", "/6"]


@pytest.mark.parametrize(
    ("since", "windows"),
    [
        ("2026-07-31", [("2026-07-31", "2026-07-31")]),
        ("2026-07-01", [("2026-07-01", "2026-07-31")]),
        ("2026-06-30", [("2026-06-30", "2026-07-31")]),
        ("2026-06-27", [("2026-06-27", "2026-07-31")]),  # three days need no window of their own
        ("2026-06-26", [("2026-06-30", "2026-07-31"), ("2026-06-26", "2026-07-03")]),
        (
            "2026-05-02",
            [("2026-06-30", "2026-07-31"), ("2026-06-02", "2026-07-03"),
             ("2026-05-02", "2026-06-05")],
        ),
    ],
)  # fmt: skip
def test_a_listing_is_asked_for_by_the_month(since: str, windows: list[tuple[str, str]]) -> None:
    until = date(2026, 7, 31)
    found = split_into_windows(date.fromisoformat(since), until)
    assert found == tuple(ListingWindow(*map(date.fromisoformat, days)) for days in windows)
