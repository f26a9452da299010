"""Politeness and faults, tested against real servers that misbehave."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from alerts.recording.verdict import decide_verdict
from crawler.fetching.middlewares import parse_retry_after
from crawler.plan import CrawlPlan, KnownPage, ListingWindow, PolitenessSettings
from crawler.report import CrawlReport
from scheduler.crawl_process import start_crawl
from scheduler.web import serve

pytestmark = pytest.mark.process

ALLOW = "User-agent: *\nAllow: /\n"
PAGE = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"


class Server:
    """A server that answers as the test says and records requests with their times."""

    def __init__(self) -> None:
        self.robots: Callable[[], Response] = lambda: PlainTextResponse(ALLOW)
        self.page: Callable[[], Response] = lambda: PlainTextResponse("Search questions")
        self.asked: list[tuple[str, float]] = []
        self.site = Starlette(routes=[Route("/{path:path}", self.answer)])
        self.url = ""

    def answer(self, request: Request) -> Response:
        self.asked.append((request.url.path, time.monotonic()))
        return self.robots() if request.url.path == "/robots.txt" else self.page()

    @property
    def pages(self) -> list[str]:
        return [path for path, _ in self.asked if path != "/robots.txt"]

    def crawl(self, windows: int = 1, revisit: tuple[str, ...] = ()) -> CrawlReport:
        """Crawl the server with so many listings and revisits."""
        day = date(2026, 7, 1)
        plan = CrawlPlan(
            source="london",
            base_url=self.url,
            politeness=PolitenessSettings("watchword/test", delay_seconds=0.01, timeout_seconds=3),
            windows=tuple(ListingWindow(day, day + timedelta(days=n)) for n in range(windows)),
            revisits=tuple(KnownPage(f"{self.url}{PAGE}/{name}") for name in revisit),
            known_ids=("london:/known",),  # a first crawl asks twice for some pages
        )
        with start_crawl(plan, 60) as child:
            for line in child.lines:
                if isinstance(line, CrawlReport):
                    return line
        raise AssertionError(child.exit_summary)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serve(made.site) as made.url:
        yield made


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    made = Server()
    with serve(made.site) as made.url:
        yield made


def status(code: int, **headers: str) -> Callable[[], Response]:
    return lambda: PlainTextResponse("", code, {k.replace("_", "-"): v for k, v in headers.items()})


def test_a_robots_file_that_fails_forbids_everything(server: Server) -> None:
    server.robots = status(500)
    report = server.crawl()
    assert server.pages == []
    assert decide_verdict(report)[0] == "unreachable"
    assert report.failures[0].kind == "robots"
    assert "robots.txt cannot be reached" in report.failures[0].detail


@pytest.mark.parametrize("code", [403, 404, 410])
def test_no_robots_file_allows_everything(server: Server, code: int) -> None:
    server.robots = status(code)
    assert decide_verdict(server.crawl())[0] == "empty"
    assert server.pages == [PAGE]


def test_pages_that_robots_txt_forbids_are_not_requested(server: Server) -> None:
    server.robots = lambda: PlainTextResponse("User-agent: *\nDisallow: /who-we-are/\n")
    report = server.crawl()
    assert server.pages == []
    assert report.failures[0].kind == "robots"
    assert "Forbidden by robots.txt" in report.failures[0].detail


def test_the_crawl_delay_is_kept(server: Server) -> None:
    server.robots = lambda: PlainTextResponse(ALLOW + "Crawl-delay: 1\n")
    server.crawl(windows=3)
    times = [moment for path, moment in server.asked if path != "/robots.txt"]
    assert len(times) == 3
    assert min(b - a for a, b in pairwise(times)) > 0.95


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_honoured(server: Server, code: int) -> None:
    answers = [PlainTextResponse("Search questions")] * 3 + [status(code, Retry_After="2")()]
    server.page = answers.pop
    report = server.crawl(windows=2)
    assert decide_verdict(report)[0] == "empty"
    times = [moment for path, moment in server.asked if path != "/robots.txt"]
    assert len(times) == 3
    assert times[1] - times[0] > 1.9


def test_a_source_that_wants_a_long_pause_is_asked_nothing_more(server: Server) -> None:
    server.page = status(503, Retry_After="3600")
    before = datetime.now(UTC)
    report = server.crawl(windows=3)
    assert len(server.pages) == 1
    assert report.resume_at is not None
    assert timedelta(hours=1) <= report.resume_at - before < timedelta(hours=1, minutes=1)
    assert "the source wants no requests until" in report.failures[-1].detail
    assert decide_verdict(report)[0] == "unreachable"


def test_a_redirect_to_another_site_is_refused_and_reported(
    server: Server, elsewhere: Server
) -> None:
    server.page = lambda: RedirectResponse(f"{elsewhere.url}/stolen")
    report = server.crawl(revisit=("one",))
    assert elsewhere.asked == []
    assert report.failed == 2
    assert {failure.kind for failure in report.failures} == {"redirect_refused"}


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "http://127.0.0.1:1/", "file:///etc/passwd"]
)
def test_no_redirect_leads_inside(server: Server, target: str) -> None:
    server.page = lambda: RedirectResponse(target)
    report = server.crawl()
    assert report.fetched == report.listing_pages == 0
    assert decide_verdict(report)[0] != "ok"


def test_robots_redirected_off_the_source_forbid_everything(
    server: Server, elsewhere: Server
) -> None:
    server.robots = lambda: RedirectResponse(f"{elsewhere.url}/robots.txt")
    server.crawl()
    assert elsewhere.asked == []
    assert server.pages == []


def test_a_redirect_loop_ends(server: Server) -> None:
    server.page = lambda: RedirectResponse(f"{server.url}{PAGE}/one", 302)
    report = server.crawl(revisit=("one",))
    assert len(server.pages) == 2 * (1 + 5)
    assert report.failed == 2


def packed(body: bytes) -> Response:
    return Response(body, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"})


def test_half_a_compressed_page_is_no_page(server: Server) -> None:
    whole = gzip.compress(b"Search questions " * 5000)
    server.page = lambda: packed(whole[: len(whole) // 2])
    report = server.crawl()
    assert report.listing_pages == 0
    assert report.failures[0].kind == "truncated"
    server.page = lambda: packed(whole)
    assert server.crawl().listing_pages == 1


def test_a_page_too_large_is_not_taken(server: Server) -> None:
    server.page = lambda: packed(gzip.compress(b"\0" * 50_000_000))
    assert server.crawl().failed == 1
    server.page = lambda: PlainTextResponse("Search questions" + "x" * 6_000_000)
    assert server.crawl().failed == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (" 5 ", 5.0), ("", 0.0), ("soon", 0.0), ("-3", 0.0)],
)
def test_parse_retry_after(value: str, seconds: float) -> None:
    assert parse_retry_after(value, datetime.now(UTC)) == seconds


def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
    assert parse_retry_after(format_datetime(now + timedelta(minutes=2), usegmt=True), now) == 120.0
    assert parse_retry_after(format_datetime(now - timedelta(minutes=2), usegmt=True), now) == 0.0
