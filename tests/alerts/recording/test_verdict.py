"""The verdict on a crawl, from its counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from alerts.recording.verdict import COMPLETE_VERDICTS, Verdict, decide_verdict, find_drift
from crawler.report import CrawlFailure, CrawlReport

GOOD: dict[str, Any] = {"requests": 12, "listing_pages": 2, "listed": 10, "fetched": 10, "read": 10}
TIMEOUT = (CrawlFailure("network", "timed out"),)
SERVER_ERROR = (CrawlFailure("http", "HTTP 500"),)

CASES: list[tuple[dict[str, Any], Verdict, str]] = [
    ({}, "ok", "10 questions read"),
    ({"fetched": 0, "read": 0}, "ok", "0 questions read"),
    ({"listed": 0, "fetched": 0, "read": 0}, "empty", "no question"),
    ({"listing_pages": 0, "listed": 0}, "ok", "10 questions read"),  # revisits only
    ({"gone": 3, "fetched": 7, "read": 7}, "ok", "7 questions read"),
    # a few faults among good pages
    ({"suspect": 5}, "ok", "10 questions read"),
    ({"unreadable": 2, "suspect": 3, "read": 8}, "ok", "8 questions read"),
    ({"outside_window": 5}, "ok", "10 questions read"),
    # the source has changed
    ({"unreadable": 6, "read": 4}, "changed", "6 of 10 pages"),
    ({"suspect": 6}, "changed", "6 of 10 pages"),
    ({"unreadable": 3, "suspect": 3, "read": 7}, "changed", "6 of 10 pages"),
    ({"fetched": 1, "read": 0, "unreadable": 1}, "changed", "1 of 1 pages"),
    ({"listings_unknown": 1}, "changed", "without rows"),
    ({"listings_unknown": 1, "listed": 0, "fetched": 0, "read": 0}, "changed", "without rows"),
    ({"outside_window": 6}, "changed", "ignores its filter"),
    # the source refuses
    ({"refused": 12, "listing_pages": 0, "listed": 0, "fetched": 0}, "blocked", "12 of 12"),
    ({"refused": 1, "listing_pages": 0, "fetched": 0}, "blocked", "1 of 12"),
    ({"refused": 12}, "blocked", "12 of 12"),
    ({"refused": 1}, "partial", "1 of 12 requests"),
    # the source is not there
    (
        {
            "failed": 2,
            "listing_pages": 0,
            "fetched": 0,
            "failures": TIMEOUT,
        },
        "unreachable",
        "no page came: timed out",
    ),
    ({"failed": 2, "listing_pages": 0, "fetched": 0}, "unreachable", "no reason"),
    # not the whole of it came
    (
        {"failed": 1, "failures": SERVER_ERROR},
        "partial",
        "1 of 12 requests brought no page: HTTP",
    ),
    ({"failed": 1, "refused": 1}, "partial", "2 of 12 requests"),
    ({"listings_cut": 1}, "partial", "1 listings cut short"),
    ({"finish_reason": "shutdown"}, "partial", "stopped early (shutdown)"),
    ({"finish_reason": "shutdown", "listed": 0}, "partial", "stopped early"),
    ({"failed": 1, "listed": 0, "fetched": 0}, "partial", "1 of 12"),
    # the graver judgement comes first
    ({"unreadable": 10, "read": 0, "failed": 1}, "changed", "10 of 10"),
    ({"refused": 12, "listings_unknown": 1}, "blocked", "12 of 12"),
]


@pytest.fixture
def report(now: datetime, request: pytest.FixtureRequest) -> CrawlReport:
    """The report of a good crawl with some counts replaced."""
    base = {"started_at": now, "finished_at": now, "finish_reason": "finished"}
    return CrawlReport(**(base | GOOD | request.param))


@pytest.mark.parametrize(
    ("report", "verdict", "reason"), CASES, indirect=["report"], ids=[str(c[0]) for c in CASES]
)
def test_verdict(report: CrawlReport, verdict: Verdict, reason: str) -> None:
    judged, sentence = decide_verdict(report)
    assert judged == verdict
    assert reason in sentence


def test_every_verdict_has_a_case() -> None:
    assert {verdict for _, verdict, _ in CASES} == set(get_args(Verdict))


def test_complete_verdicts() -> None:
    assert {"ok", "empty"} == COMPLETE_VERDICTS


def make_report(**fields: Any) -> CrawlReport:
    moment = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
    return CrawlReport(started_at=moment, finished_at=moment, finish_reason="finished", **fields)


def test_new_questions_without_answers_are_no_drift() -> None:
    """The questions of a coming meeting have no answers in which two readings could agree."""
    good = make_report(read=600, filled={"answered_by": (220, 220)}, agreed={"answer": 220})
    new = make_report(read=40, filled={"title": (40, 40)}, agreed={})
    assert find_drift(new, [good]) == ()
    lost = make_report(read=40, filled={"answered_by": (30, 30)}, agreed={"answer": 1})
    assert find_drift(lost, [good]) == ("two readings of answer agreed on 1 of 30 pages",)
