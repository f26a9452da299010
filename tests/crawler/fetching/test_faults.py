"""A crawl of a source that misbehaves, over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from itertools import repeat

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from alerts.recording.verdict import decide_verdict
from alerts.rendering import find_shipped_templates
from crawler.plan import CrawlPlan, KnownPage, ListingWindow, PolitenessSettings
from crawler.replica import build_demo_world, create_site
from crawler.replica.world import LISTING_PATH
from crawler.report import (
    CrawlLine,
    CrawlReport,
    PageRefused,
    PageUnchanged,
    QuestionRead,
    QuestionsListed,
)
from scheduler.crawl_process import start_crawl
from scheduler.web import serve
from tests.support.real_facts import PrintedPage
from tests.support.real_pages import render_listing_row
from tests.support.real_quirks import FILLER

pytestmark = pytest.mark.process


class Gate:
    """The replica behind a gate: some addresses answer as the test says."""

    def __init__(self) -> None:
        self.world = build_demo_world(datetime.now(UTC))
        self.site = create_site(self.world, lambda: self.world.start, find_shipped_templates())
        self.answers: dict[str, Callable[[], Response]] = {}
        self.otherwise: Callable[[], Response] | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http":
            headers = {k.decode(): v.decode() for k, v in scope["headers"]}
            self.asked.append((scope["path"], headers))
            answer = self.answers.get(scope["path"], self.otherwise)
        await (answer() if answer else self.site)(scope, receive, send)

    @property
    def slugs(self) -> list[str]:
        """The questions that the listing of the crawl names."""
        first = self.world.start.date() - timedelta(days=90)
        seen = self.world.take_snapshot(self.world.start).questions
        return [q.slug for q in seen if q.meeting.date >= first]

    def page(self, number: int) -> str:
        return f"{LISTING_PATH}/{self.slugs[number]}"

    def crawl(
        self, *revisit: KnownPage, list_too: bool = True
    ) -> tuple[CrawlReport, list[CrawlLine]]:
        day = self.world.start.date()
        window = ListingWindow(day - timedelta(days=90), day + timedelta(days=30))
        return crawl(self.url, *revisit, windows=(window,) if list_too else ())


def crawl(
    url: str, *revisit: KnownPage, windows: tuple[ListingWindow, ...] = (), timeout: float = 3
) -> tuple[CrawlReport, list[CrawlLine]]:
    plan = CrawlPlan(
        source="london",
        base_url=url,
        politeness=PolitenessSettings("watchword/test", delay_seconds=0, timeout_seconds=timeout),
        windows=windows,
        revisits=revisit,
    )
    with start_crawl(plan, 90) as child:
        *lines, report = child.lines
    assert isinstance(report, CrawlReport), child.exit_summary
    return report, [line for line in lines if not isinstance(line, QuestionsListed)]


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    with serve(made) as made.url:
        yield made


def status(code: int, **headers: str) -> Callable[[], Response]:
    return lambda: PlainTextResponse("", code, {k.replace("_", "-"): v for k, v in headers.items()})


# ------------------------------------------------------------------------ asking for changes only


def test_a_page_that_has_not_changed_is_not_sent_again(gate: Gate) -> None:
    url = gate.url + gate.page(0)
    _, [first] = gate.crawl(KnownPage(url), list_too=False)
    assert isinstance(first, QuestionRead)
    assert first.etag
    report, lines = gate.crawl(
        KnownPage(url, first.etag, "Thu, 16 Jul 2026 12:00:00 GMT"), list_too=False
    )
    assert lines == [PageUnchanged(first.question.id)]
    assert (report.fetched, report.unchanged) == (0, 1)
    assert decide_verdict(report)[0] == "ok"
    _, sent = gate.asked[-1]
    assert sent["if-none-match"] == first.etag
    assert sent["if-modified-since"] == "Thu, 16 Jul 2026 12:00:00 GMT"


def test_a_changed_page_is_sent_in_full(gate: Gate) -> None:
    _, [line] = gate.crawl(KnownPage(gate.url + gate.page(0), 'W/"of-old"'), list_too=False)
    assert isinstance(line, QuestionRead)


def test_304_without_a_conditional_request_is_a_failure(gate: Gate) -> None:
    gate.answers[gate.page(0)] = status(304)
    report, lines = gate.crawl(KnownPage(gate.url + gate.page(0)), list_too=False)
    assert (lines, report.failed) == ([], 1)


# --------------------------------------------------------------------------------- being refused


def test_one_page_that_is_not_published(gate: Gate) -> None:
    gate.answers[gate.page(3)] = status(403)
    report, lines = gate.crawl()
    [refused] = [line for line in lines if isinstance(line, PageRefused)]
    assert refused.url == gate.url + gate.page(3)
    assert (report.refused, report.unpublished, report.missing) == (0, 1, ())
    assert decide_verdict(report)[0] == "ok"


def test_the_last_page_may_be_the_one_that_is_not_published(gate: Gate) -> None:
    gate.answers[gate.page(1)] = status(403)
    visits = (KnownPage(gate.url + gate.page(0)), KnownPage(gate.url + gate.page(1)))
    report, lines = gate.crawl(*visits, list_too=False)
    assert [type(line) for line in lines] == [QuestionRead, PageRefused]
    assert decide_verdict(report)[0] == "ok"


def test_a_host_that_refuses_us_is_left_alone_at_once(gate: Gate) -> None:
    for number in range(len(gate.slugs)):
        gate.answers[gate.page(number)] = status(403)
    report, lines = gate.crawl()
    assert lines == []  # of none of them it is known that it is not published
    assert decide_verdict(report)[0] == "blocked"
    assert sum(path.startswith(f"{LISTING_PATH}/") for path, _ in gate.asked) <= 6


def test_a_listing_that_is_refused_is_the_host(gate: Gate) -> None:
    gate.answers[LISTING_PATH] = status(403)
    report, _ = gate.crawl()
    assert decide_verdict(report)[0] == "blocked"
    assert len(gate.asked) == 2  # robots.txt and the one listing


# ----------------------------------------------------------------------------- not all is read


def test_listed_pages_that_were_not_read_are_reported(gate: Gate) -> None:
    gate.answers[gate.page(2)] = status(500)
    gate.answers[gate.page(4)] = lambda: PlainTextResponse(
        "<html><body>Sorry", media_type="text/html"
    )
    report, _ = gate.crawl()
    unreadable = "no page design that we know has these marks: is it a question page?"
    assert set(report.missing) == {
        f"{gate.url}{gate.page(2)} (HTTP 500)",
        f"{gate.url}{gate.page(4)} ({unreadable})",
    }
    verdict, reason = decide_verdict(report)
    assert verdict == "partial"
    assert gate.url + gate.page(4) in reason


def test_a_listing_without_its_end_was_cut(gate: Gate) -> None:
    page = "<html><body>Search questions<p>No results"
    gate.answers[LISTING_PATH] = lambda: PlainTextResponse(page, media_type="text/html")
    report, _ = gate.crawl()
    assert report.listings_short == 1
    assert decide_verdict(report) == (
        "partial",
        f"1 listings show more than they link to: {report.first_failure}",
    )
    assert str(report.first_failure).endswith("the page has no end: it was cut")


def test_a_known_page_that_cannot_be_read_is_missing(gate: Gate) -> None:
    gate.answers[gate.page(2)] = lambda: PlainTextResponse(
        "<html><body>Sorry</body></html>", media_type="text/html"
    )
    report, _ = gate.crawl(KnownPage(gate.url + gate.page(2)), list_too=False)
    assert len(report.missing) == 1
    assert report.missing[0].startswith(f"{gate.url}{gate.page(2)} (no page design")


def test_a_listing_that_shows_ten_and_links_nine(gate: Gate) -> None:
    row = "<article><h3>{}</h3><p>Question by: Ada Brook</p></article>"
    rows = [row.format(f'<a href="{gate.page(n)}">A title</a>') for n in range(9)]
    gate.answers[LISTING_PATH] = html(*rows, row.format("No link here"))
    report, _ = gate.crawl()
    assert (report.listed, report.listings_short) == (9, 1)
    verdict, reason = decide_verdict(report)
    assert verdict == "partial"
    assert "10 questions are shown and 9 linked to" in reason


def html(*rows: str) -> Callable[[], Response]:
    text = f"<html><body>Search questions{''.join(rows)}</body></html>"
    return lambda: PlainTextResponse(text, media_type="text/html")


def test_trap_18_a_last_page_of_ten_is_followed_by_an_empty_one(gate: Gate) -> None:
    sheets = [
        PrintedPage(
            title="A title", asked_by="Ada Brook", day=date(2026, 5, 1), address=gate.page(n)
        )
        for n in range(10)
    ]
    pages = [html(), html(*map(render_listing_row, sheets))]

    def next_page() -> Response:
        return pages.pop()()

    gate.answers[LISTING_PATH] = next_page
    report, lines = gate.crawl()
    assert (report.listing_pages, report.listed, report.read) == (2, 10, 10)
    # Trap 19: the teaser of a row is never taken for the text.
    assert not any(FILLER in str(line) for line in lines)


def test_trap_21_a_meeting_without_questions_is_no_failure(gate: Gate) -> None:
    gate.answers[LISTING_PATH] = html()
    report, lines = gate.crawl()
    assert (lines, decide_verdict(report)[0]) == ([], "empty")


@pytest.mark.parametrize("code", [500, 502, 503])
def test_an_origin_that_is_down_deletes_nothing(gate: Gate, code: int) -> None:
    gate.otherwise = status(code)
    report, lines = gate.crawl(KnownPage(gate.url + gate.page(0)))
    assert lines == []
    assert decide_verdict(report)[0] == "unreachable"


def test_fields_and_readings_are_counted(gate: Gate) -> None:
    report, lines = gate.crawl()
    read = len(lines)
    assert report.filled["title"] == report.filled["asked_by"] == (read, read)
    assert report.filled["reference"][1] < read  # supplementaries have none
    assert report.filled["answer_date"][0] > 0
    assert report.agreed["asked_by"] == read
    assert report.differed == {}
    assert 20 < report.peak_megabytes < 300


# ------------------------------------------------------------------------ bytes that are no page

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@contextmanager
def raw(chunks: Callable[[], Iterator[bytes]], pause: float = 0) -> Iterator[str]:
    """A server whose robots.txt allows everything and whose other answers are ``chunks``."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = connection.recv(65536)
            if b"GET /robots.txt" in asked:
                connection.sendall(
                    b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            for chunk in chunks():
                connection.sendall(chunk)
                if stop.wait(pause):
                    return

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.close()


def short() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 5000\r\nConnection: close\r\n\r\n<html><body>The first half"


def endless() -> Iterator[bytes]:
    yield HEAD + b"Connection: close\r\n\r\n"
    yield from repeat(b"<p>More.</p>" * 5000)


def huge() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 5000000000\r\n\r\n"
    yield from repeat(b"x" * 65536)


def drip() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 5000\r\n\r\n"
    yield from repeat(b"x")


def garbage() -> Iterator[bytes]:
    yield bytes(range(256)) * 4


def nothing() -> Iterator[bytes]:
    yield from ()


@pytest.mark.parametrize("body", [short, endless, huge, drip, garbage, nothing])
def test_half_a_page_is_no_page(body: Callable[[], Iterator[bytes]]) -> None:
    began = datetime.now(UTC)
    with raw(body, pause=0.1 if body is drip else 0) as url:
        report, lines = crawl(url, KnownPage(f"{url}{LISTING_PATH}/one"), timeout=1)
    assert lines == []
    assert (report.read, report.failed) == (0, 1)
    assert decide_verdict(report)[0] == "unreachable"
    assert report.peak_megabytes < 200
    assert datetime.now(UTC) - began < timedelta(seconds=60)
