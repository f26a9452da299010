"""Responses with odd bytes: what can be read is read, and the rest fails alone with its reason."""

from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from alerts.recording.alarms import find_crawl_alarms
from alerts.recording.verdict import CrawlOutcome
from crawler.archive import list_capture_files, read_captures
from crawler.plan import CrawlPlan, KnownPage, PolitenessSettings
from crawler.report import CrawlLine, CrawlReport, PageUnreadable, QuestionRead
from crawler.storage import LocalFolder
from scheduler.crawl_process import start_crawl
from tests.support.designs import build_page_2022
from tests.support.raw_server import build_response, serve_raw

pytestmark = pytest.mark.process

WORDS = "Why is the pönd at “Marl” dry?"
PAGE = build_page_2022(f"<p>{WORDS}</p>", [(date(2026, 7, 16), "<p>It is not.</p>")]).encode()
POLITENESS = PolitenessSettings("watchword/test", delay_seconds=0, timeout_seconds=3)


def crawl(
    *odd: bytes, folder: Path | None = None, well: int = 1, robots: bytes | None = None
) -> tuple[CrawlReport, list[CrawlLine]]:
    """Read pages with the responses ``odd``, ``/x/0`` on, then ``well`` that are as they should be.

    One crawl reads them all: starting its process takes longer than to read a page.
    """

    def answer(path: str) -> bytes:
        number = int(path.rpartition("/")[2])
        return odd[number] if number < len(odd) else build_response(PAGE)

    with serve_raw(answer, robots) as url:
        plan = CrawlPlan(
            source="london",
            base_url=url,
            politeness=POLITENESS,
            revisits=tuple(KnownPage(f"{url}/x/{number}") for number in range(len(odd) + well)),
            archive_folder=str(folder) if folder else None,
        )
        with start_crawl(plan, 60) as child:
            *lines, report = child.lines
    assert isinstance(report, CrawlReport), child.exit_summary
    return report, lines


def list_words(lines: list[CrawlLine]) -> list[str]:
    read = [line.question for line in lines if isinstance(line, QuestionRead)]
    return [p for question in read for speech in question.question for p in speech.paragraphs]


def test_odd_headers_cost_nothing(tmp_path: Path) -> None:
    headers = [
        'Link: </ä–>; rel="x"'.encode(),
        b"Set-Cookie: a=\x80\xff\x01\x9f; b",
        b"X-Odd: \x00\x7f\xe9",
        b"no colon",
        b"Content-Encoding: made-up",
    ]
    report, lines = crawl(*(build_response(PAGE, header) for header in headers), folder=tmp_path)
    assert (list_words(lines), report.captures_lost) == ([WORDS] * 6, 0)
    (file,) = list_capture_files(LocalFolder(tmp_path))
    assert [c.body for c in read_captures(file) if c.status == 200] == [PAGE] * 6


@pytest.mark.parametrize("level", ["1", "2"])
def test_optimised_python_keeps_captures(
    tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", level)
    report, lines = crawl(build_response(PAGE), folder=tmp_path)
    assert (list_words(lines), report.captures_lost) == ([WORDS, WORDS], 0)
    (file,) = list_capture_files(LocalFolder(tmp_path))
    assert len(list(read_captures(file))) == 3  # with robots.txt


FAILING = [
    (build_response(PAGE, b"X Y: 1"), "header whose name is not allowed: b'x y'"),
    (build_response(PAGE, b": 1"), "header whose name is not allowed: b''"),
    (b"HTTP/1.1 abc OK\r\n\r\n" + PAGE, "what is not HTTP"),
    (build_response(PAGE, b"Content-Encoding: gzip"), "not compressed as the server says"),
    (build_response(PAGE, b"Content-Encoding: deflate"), "cannot be unpacked"),
    (
        build_response(gzip.compress(b"a" * 200_000_000), b"Content-Encoding: gzip"),
        "DOWNLOAD_MAXSIZE",
    ),
    (build_response(PAGE.replace(b"<title>", b"\x00<title>", 1)), "it has null bytes"),
    (build_response(b"<div>" * 50_000), "nested more than 500 deep"),
]


def test_a_page_fails_alone_and_says_why() -> None:
    report, lines = crawl(*(odd for odd, _ in FAILING))
    assert list_words(lines) == [WORDS]
    unreadable = [(line.url, line.reason) for line in lines if isinstance(line, PageUnreadable)]
    failed = [(str(failure.url), failure.detail) for failure in report.failures]
    said = {int(url.rpartition("/")[2]): why for url, why in (*unreadable, *failed)}
    assert len(unreadable) + len(failed) == len(said) == len(FAILING)
    for number, (_, reason) in enumerate(FAILING):
        assert reason in said[number]
        assert "<twisted" not in said[number]


def test_a_charset_that_lies_changes_no_word() -> None:
    charsets = ["utf-16", "zlib_codec", "idna", "ascii", "latin-1", "made-up", "ÿ", "utf-8"]
    kinds = [f"text/html; charset={charset}".encode("latin-1") for charset in charsets]
    report, lines = crawl(*(build_response(PAGE, content_type=kind) for kind in kinds), well=0)
    assert (list_words(lines), report.failures) == ([WORDS] * len(charsets), ())


def test_windows_text_that_claims_to_be_utf8_keeps_its_words() -> None:
    page = PAGE.decode().encode("cp1252")
    _, lines = crawl(build_response(page), well=0)
    assert list_words(lines) == [WORDS]


def test_the_reason_why_robots_txt_cannot_be_reached_is_given() -> None:
    for robots, reason in (
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
        (build_response(b"User-agent: *", b"X Y: 1"), "header whose name is not allowed"),
    ):
        report, _ = crawl(build_response(PAGE), robots=robots)
        assert report.failures[0].kind == "robots"
        assert reason in report.failures[0].detail


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes, in this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_costs_captures_only(tmp_path: Path) -> None:
    with limited_files(2_000):
        report, lines = crawl(
            build_response(PAGE + os.urandom(3_000).hex().encode()), folder=tmp_path
        )
    assert len(list_words(lines)) == 2
    assert report.captures_lost >= 1
    assert "File too large" in report.failures[0].detail
    outcome = CrawlOutcome("london", "ok", "", {}, report=report)
    alarms = find_crawl_alarms(outcome, ["ok"], 3)
    assert "File too large" in alarms["archive"]


def test_a_folder_that_cannot_be_made_costs_captures_only() -> None:
    report, lines = crawl(build_response(PAGE), folder=Path("/proc/captures"))
    assert (len(list_words(lines)), report.captures_lost) == (2, 3)
