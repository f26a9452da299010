"""A spider that fails: Scrapy ends "finished" with status 0; our report says what happened.

The spiders here are real ones, each a file of its own beside those that we ship.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from alerts.recording.verdict import decide_verdict
from crawler.plan import CrawlPlan, ListingWindow, PolitenessSettings
from crawler.records import encode_record
from crawler.report import CrawlReport, decode_crawl_line
from scheduler.web import serve

pytestmark = pytest.mark.process

START = (
    "import sys, crawler.spiders; crawler.spiders.__path__.append(sys.argv[1]); "
    "from crawler.fetching.crawl_process import main; main()"
)
SPIDER = """
import scrapy
from crawler.fetching.source_spider import SourceSpider

class Broken(SourceSpider):
    name = "broken"

    def build_listing_requests(self, window):
        {start}
        yield scrapy.Request(self.plan.base_url, self.parse_listing, errback=self.handle_failure)

    def parse_listing(self, response):
        self.counts["listing_pages"] += 1
        self.counts["listed"] += 1
        {callback}
"""


def crawl(folder: Path, start: str = "", callback: str = "") -> CrawlReport:
    """Return the report of a crawl by a spider that fails in a given way."""
    (folder / "broken.py").write_text(SPIDER.format(start=start, callback=callback or "return"))
    site = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("fine"))])
    with serve(site) as url, start_crawl(folder, url) as child:
        return read_report(child)


@contextmanager
def start_crawl(folder: Path, url: str, code: str = START) -> Iterator[subprocess.Popen[bytes]]:
    """A crawl of one day by the spider in a folder; the block's end waits for its own."""
    day = date(2026, 7, 1)
    plan = CrawlPlan(
        source="broken",
        base_url=url,
        politeness=PolitenessSettings("watchword/test", delay_seconds=0.01, obey_robots=False),
        windows=(ListingWindow(day, day),),
    )
    command = [sys.executable, "-P", "-c", code, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        child.stdin.write(encode_record(plan) + b"\n")
        child.stdin.flush()  # and left open: the crawl ends with its parent
        yield child


def read_report(child: subprocess.Popen[bytes]) -> CrawlReport:
    assert child.stdout is not None
    for line in child.stdout:
        if isinstance(report := decode_crawl_line(line), CrawlReport):
            return report
    raise AssertionError("it ended without a report")


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("callback", "raise RuntimeError('the reader fell over')"),
        ("callback", "yield object()"),  # the pipeline cannot print it
        ("start", "raise RuntimeError('no way in')"),
    ],
)
def test_it_is_no_good_run(tmp_path: Path, where: str, what: str) -> None:
    report = crawl(tmp_path, **{where: what})
    assert decide_verdict(report)[0] in {"partial", "unreachable"}
    assert report.failures or report.finish_reason != "finished"


def test_one_that_works_is(tmp_path: Path) -> None:
    assert decide_verdict(crawl(tmp_path))[0] == "ok"


def test_memory_of_the_parent_ends_no_crawl(tmp_path: Path) -> None:
    """Crawls started by a large daemon do not count its memory."""
    held = bytearray(400_000_000)
    held[::4096] = b"x" * len(held[::4096])  # so that it is really there
    report = crawl(tmp_path)
    assert len(held) == 400_000_000
    assert report.finish_reason == "finished"
    assert report.peak_megabytes < 200


#: It takes a while to end after its report, as on a busy machine.
SLOW_END = "import atexit, time; atexit.register(time.sleep, 0.5); " + START


def test_who_closes_the_input_after_the_report_does_not_end_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(SPIDER.format(start="return", callback="return"))
    with start_crawl(tmp_path, "http://127.0.0.1:1", SLOW_END) as child:
        read_report(child)
        assert child.stdin is not None
        child.stdin.close()
    assert child.returncode == 0
