"""A real crawl: a child process, a server on a socket, a ledger."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.ledger import Ledger, questions
from alerts.recording import CrawlOutcome, CrawlPolicy, plan_crawl
from alerts.recording.visits import compute_next_visit
from crawler.plan import CrawlPlan, KnownPage, ListingWindow, PolitenessSettings
from crawler.spiders.london import LISTING_PATH
from scheduler.crawls import crawl_source
from scheduler.web import serve
from tests.support.empty_ledger import open_empty_ledger
from tests.support.service import RunningReplica, run_replica

pytestmark = pytest.mark.process

POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0.01, timeout_seconds=5)


@pytest.fixture
def source() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.engine.dispose()


def crawl(ledger: Ledger, plan: CrawlPlan, now: datetime) -> CrawlOutcome:
    return crawl_source(ledger, plan, lambda: now, CrawlPolicy())


def plan_for(ledger: Ledger, source: RunningReplica) -> CrawlPlan:
    target = CrawlPlan(source="london", base_url=source.url, politeness=POLITENESS, max_seconds=60)
    with ledger.reading() as connection:
        return plan_crawl(connection, target, CrawlPolicy(days_back=90), source.now)


def pages_fetched(requests: list[str]) -> list[str]:
    return [r for r in requests if f"{LISTING_PATH}/" in r]


@pytest.mark.usefixtures("new_python")
def test_everything_listed_is_read_once(ledger: Ledger, source: RunningReplica) -> None:
    outcome = crawl(ledger, plan_for(ledger, source), source.now)
    assert (outcome.verdict, outcome.counts["new"]) == ("ok", 30)
    seen = source.requests
    assert len(pages_fetched(seen)) == len(set(pages_fetched(seen))) == 30
    listings = [request for request in seen if "page=" in request]
    assert len(set(listings)) > 4
    assert max(Counter(listings).values()) == 2  # a first crawl asks again where a listing ends
    assert seen[0] == "GET /robots.txt"


def test_a_plan_may_limit_what_is_read(ledger: Ledger, source: RunningReplica) -> None:
    few = replace(POLITENESS, max_listing_pages=1)
    plan = replace(plan_for(ledger, source), politeness=few, max_questions=3)
    outcome = crawl(ledger, plan, source.now)
    assert outcome.counts["new"] == 3
    seen = source.requests
    assert len(pages_fetched(seen)) == 3
    listings = {request for request in seen if "page=" in request}  # some are asked for twice
    assert len(listings) == len(plan.windows)


def test_a_second_crawl_fetches_listings_only(ledger: Ledger, source: RunningReplica) -> None:
    crawl(ledger, plan_for(ledger, source), source.now)
    _ = source.requests
    outcome = crawl(ledger, plan_for(ledger, source), source.now)
    assert outcome.verdict == "ok"
    assert pages_fetched(source.requests) == []
    assert not set(outcome.counts) & {"new", "asked", "answered", "holding", "corrected"}


def test_late_answers_are_found_and_alert(ledger: Ledger, source: RunningReplica) -> None:
    crawl(ledger, plan_for(ledger, source), source.now)
    found: dict[str, int] = {}
    for stage in (1, 2, 3):
        source.go_to_stage(stage)
        outcome = crawl(ledger, plan_for(ledger, source), source.now)
        for kind, number in outcome.counts.items():
            found[kind] = found.get(kind, 0) + number
    assert found["asked"] == 11
    assert found["holding"] == 1
    assert found["answered"] == 13
    assert "silent" not in found


def test_pages_that_are_gone_are_not_deleted_at_once(
    ledger: Ledger, source: RunningReplica
) -> None:
    crawl(ledger, plan_for(ledger, source), source.now)
    known = plan_for(ledger, source).known_ids
    url = source.url + LISTING_PATH + "/never-was"
    plan = CrawlPlan(
        source="london", base_url=source.url, politeness=POLITENESS, revisits=(KnownPage(url),)
    )
    outcome = crawl(ledger, plan, source.now)
    assert outcome.counts == {"gone": 1}
    assert plan_for(ledger, source).known_ids == known


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        (lambda: PlainTextResponse("no", 403), "blocked", "refused"),
        (lambda: PlainTextResponse("<html><body>Just a moment</body></html>"), "changed", "marks"),
        (lambda: PlainTextResponse("Search questions: No results"), "empty", "no question"),
    ],
)
def test_a_source_that_is_not_itself(
    ledger: Ledger, answer: Callable[[], Response], verdict: str, says: str
) -> None:
    def everything(request: Request) -> Response:
        if request.url.path == "/robots.txt":
            return PlainTextResponse("User-agent: *\nAllow: /\n")
        return answer()

    with serve(Starlette(routes=[Route("/{path:path}", everything)])) as url:
        today = datetime.now(UTC)
        window = ListingWindow(today.date() - timedelta(days=1), today.date())
        plan = CrawlPlan(source="london", base_url=url, politeness=POLITENESS, windows=(window,))
        outcome = crawl(ledger, plan, today)
    assert outcome.verdict == verdict
    assert says in outcome.reason
    with ledger.reading() as connection:
        assert questions.count(connection) == 0


def test_an_unreachable_source(ledger: Ledger, now: datetime) -> None:
    window = ListingWindow(date(2026, 7, 1), date(2026, 7, 2))
    base = "http://127.0.0.1:1"
    plan = CrawlPlan(source="london", base_url=base, politeness=POLITENESS, windows=(window,))
    outcome = crawl(ledger, plan, now)
    assert outcome.verdict == "unreachable"
    assert "127.0.0.1:1" in outcome.reason


def test_an_unknown_spider_is_a_verdict_not_a_crash(ledger: Ledger, now: datetime) -> None:
    plan = CrawlPlan(source="atlantis", base_url="http://127.0.0.1:1", politeness=POLITENESS)
    outcome = crawl(ledger, plan, now)
    assert outcome.verdict == "partial"
    assert "atlantis" in outcome.reason


def test_a_crawl_ends_when_stop_is_set(ledger: Ledger, source: RunningReplica) -> None:
    slow = PolitenessSettings("watchword/test", delay_seconds=1.0)
    window = ListingWindow(source.now.date() - timedelta(days=90), source.now.date())
    plan = CrawlPlan(source="london", base_url=source.url, politeness=slow, windows=(window,))
    stop = threading.Event()
    threading.Timer(2.5, stop.set).start()
    began = time.monotonic()
    outcome = crawl_source(ledger, plan, lambda: source.now, CrawlPolicy(), stop=stop)
    assert time.monotonic() - began < 25  # the whole crawl takes half a minute
    assert outcome.verdict == "partial"


class TestRhythm:
    """When a question is visited again."""

    @pytest.mark.parametrize(
        ("status", "days_since_meeting", "wait"),
        [
            ("unanswered", -5, timedelta(days=1)),
            ("unanswered", 0, timedelta(hours=6)),
            ("holding", 14, timedelta(hours=6)),
            ("unanswered", 15, timedelta(days=1)),
            ("holding", 60, timedelta(days=1)),
            ("unanswered", 61, timedelta(days=7)),
            ("unanswered", 366, timedelta(days=30)),
            ("answered", 3, timedelta(days=7)),
        ],
    )
    def test_it_follows_the_age(
        self, now: datetime, status: str, days_since_meeting: int, wait: timedelta
    ) -> None:
        meeting = (now - timedelta(days=days_since_meeting)).date()
        visit = questions.RevisitCandidate("u", status, meeting, now, now, None)
        assert compute_next_visit(visit) == now + wait
