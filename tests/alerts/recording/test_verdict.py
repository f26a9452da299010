"""The verdict on a crawl, from its counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest

from alerts.recording.listings import WindowCoverage, explain_coverage
from alerts.recording.losses import PageLosses
from alerts.recording.verdict import (
    COMPLETE_VERDICTS,
    Verdict,
    decide_verdict,
    find_drift,
    judge_crawl,
)
from crawler.plan import ListingWindow
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


@pytest.mark.parametrize(
    ("now", "before", "fell"),
    [
        ((17, 20), (50, 50), False),  # 15 points less
        ((16, 20), (50, 50), True),
        ((16, 20), (49, 49), False),  # too few pages to compare with
        ((0, 19), (50, 50), False),  # too few pages to judge
        ((0, 20), (50, 50), True),
        ((8, 20), (4000, 5000), True),  # 40 points, and three standard errors are 27
        ((11, 20), (4000, 5000), False),  # 25 points
        ((68, 100), (80, 100), False),
        ((11, 25), (75, 100), True),  # 31 points; three standard errors are 29, four are 39
        ((590, 1000), (750, 1000), True),  # 16 points, and three standard errors are 6
        ((610, 1000), (750, 1000), False),  # 14 points, however sure they are
    ],
)
def test_a_field_is_lost_when_its_rate_falls_by_more_than_chance(
    now: tuple[int, int], before: tuple[int, int], *, fell: bool
) -> None:
    found = find_drift(
        make_report(filled={"meeting": now}), [make_report(filled={"meeting": before})]
    )
    sentence = f"meeting was found on {now[0]} of {now[1]} pages"
    assert found == ((f"{sentence}, before on {before[0]} of {before[1]}",) if fell else ())


def test_the_rates_of_all_earlier_crawls_are_added() -> None:
    """One of 30 pages is too small to compare with, two are not."""
    lost, good = make_report(filled={"meeting": (0, 20)}), make_report(filled={"meeting": (30, 30)})
    assert find_drift(lost, [good]) == ()
    assert find_drift(lost, [good, good, make_report()]) == (
        "meeting was found on 0 of 20 pages, before on 60 of 60",
    )


@pytest.mark.parametrize("name", ["title", "asked_by", "question"])
@pytest.mark.parametrize(("rate", "lost"), [((15, 20), True), ((16, 20), False), ((0, 19), False)])
def test_a_field_that_no_page_lacks_needs_no_earlier_crawl(
    name: str, rate: tuple[int, int], *, lost: bool
) -> None:
    assert bool(find_drift(make_report(filled={name: rate}), [])) is lost
    assert find_drift(make_report(filled={"meeting": rate}), []) == ()


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"agreed": {"title": 34}, "read": 40}, False),
        ({"agreed": {"title": 33}, "read": 40}, True),
        ({"read": 40}, True),
        ({"read": 19}, False),
    ],
)
def test_two_readings_that_no_longer_agree_are_a_sign(
    fields: dict[str, Any], *, lost: bool
) -> None:
    good = make_report(read=60, agreed={"title": 60})
    agreed = fields.get("agreed", {}).get("title", 0)
    sentence = f"two readings of title agreed on {agreed} of {fields['read']} pages"
    assert find_drift(make_report(**fields), [good]) == ((sentence,) if lost else ())


MONTH = ListingWindow(date(2026, 7, 1), date(2026, 7, 31))
MONTH_BEFORE = ListingWindow(date(2026, 6, 1), date(2026, 6, 30))


@pytest.mark.parametrize(
    ("counts", "worst"),
    [
        ([(10, 5)], None),
        ([(10, 4)], "4 of the 10"),
        ([(2, 0)], "0 of the 2"),
        ([(1, 0)], "0 of the 1"),  # all that is known, and it is not named
        ([(1, 0), (5, 5)], None),  # one question leaves a listing by itself
        ([(0, 0)], None),
        ([], None),
        ([(10, 4), (20, 1)], "1 of the 20"),
        ([(10, 0), (20, 0)], "0 of the 20"),
        ([(3, 1), (40, 40)], "1 of the 3"),
    ],
)
def test_listings_that_name_too_little_of_what_is_known(
    counts: list[tuple[int, int]], worst: str | None
) -> None:
    windows = [
        WindowCoverage(window, *one)
        for window, one in zip((MONTH, MONTH_BEFORE), counts, strict=False)
    ]
    found = explain_coverage(windows)
    assert found is None if worst is None else worst in (found or "")


def test_all_signs_of_a_change_are_named() -> None:
    lost = make_report(**GOOD, filled={"title": (0, 20)})
    coverage = [WindowCoverage(MONTH, 10, 0)]
    verdict, reason = judge_crawl(lost, [], PageLosses(visited=10, missing=9), coverage)
    assert verdict == "changed"
    assert reason.startswith(
        "title was found on 0 of 20 pages; "
        "the listings name 0 of the 10 questions known for 2026-07-01 to 2026-07-31; "
    )
    assert judge_crawl(make_report(**GOOD), [], PageLosses()) == ("ok", "10 questions read")


def test_listings_that_were_cut_say_nothing_about_what_is_known() -> None:
    cut = make_report(**GOOD, listings_cut=1)
    coverage = [WindowCoverage(MONTH, 10, 0)]
    assert judge_crawl(cut, [], PageLosses(), coverage)[0] == "partial"


def test_a_crawl_that_was_refused_is_not_judged_by_its_pages() -> None:
    refused = make_report(**GOOD, refused=12, filled={"title": (0, 20)})
    assert judge_crawl(refused, [], PageLosses())[0] == "blocked"
