"""One crawl as a process of its own: ``python -P -m crawler.fetching``.

The plan comes as one line of JSON on standard input. What is found is printed line by line on
standard output, the report last. Twisted's reactor cannot be started twice, and a crash or a leak
ends with the process.

Standard input stays open as long as the parent lives. When it ends, the parent is gone, and the
crawl stops at once.
"""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
from scrapy import signals
from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.http import Response
from scrapy.settings import Settings
from twisted.python.failure import Failure

from crawler.fetching.memory_guard import read_peak_megabytes
from crawler.fetching.settings import build_scrapy_settings
from crawler.fetching.source_spider import SourceSpider
from crawler.plan import CrawlPlan
from crawler.records import encode_record
from crawler.report import CrawlReport

#: EX_UNAVAILABLE of sysexits.h. With the parent gone, nobody reads it.
_PARENT_GONE_STATUS = 69


class StdoutPipeline:
    """The item pipeline: it prints each item on standard output at once."""

    def process_item(self, item: Any) -> Any:
        """Print ``item`` and return it."""
        write_line(item)
        return item


def write_line(record: Any) -> None:
    """Print a record as one line of JSON."""
    sys.stdout.buffer.write(encode_record(record) + b"\n")
    sys.stdout.buffer.flush()


class CrawlObserver:
    """Keeps the spider of a crawl, prints its last lines and remembers how it ended."""

    def __init__(self, crawler: Crawler) -> None:
        self.spider: SourceSpider | None = None  #: None if the crawl did not start
        self.finish_reason = "did not start"
        crawler.signals.connect(self.close, signals.spider_closed)
        crawler.signals.connect(self.handle_crash, signals.spider_error)
        crawler.signals.connect(self.handle_crash, signals.item_error)

    def close(self, spider: SourceSpider, reason: str) -> None:
        """Handle the end of the crawl."""
        self.spider, self.finish_reason = spider, reason
        for line in spider.resolve_final_refusals() if reason == "finished" else ():
            write_line(line)

    def handle_crash(
        self, failure: Failure, spider: SourceSpider, response: Response | None = None
    ) -> None:
        """Handle an exception in the spider or the pipeline."""
        spider.handle_crash(failure, response.url if response is not None else None)


def run_crawl(plan: CrawlPlan) -> CrawlReport:
    """Run a crawl to its end and return its report.

    It can be called once in a process: Twisted's reactor cannot be started again.
    """
    process = CrawlerProcess(Settings(build_scrapy_settings(plan.politeness, plan.max_seconds)))
    crawler = process.create_crawler(plan.source)
    observer = CrawlObserver(crawler)
    started = datetime.now(UTC)
    process.crawl(crawler, plan=plan)
    process.start()
    return _build_report(crawler, observer, started)


def _build_report(crawler: Crawler, observer: CrawlObserver, started: datetime) -> CrawlReport:
    spider = observer.spider
    stats = crawler.stats.get_stats() if spider else {}  # there are none before it starts
    counts: dict[str, Any] = spider.build_counts() if spider else {}
    return CrawlReport(
        started_at=started,
        finished_at=datetime.now(UTC),
        finish_reason=observer.finish_reason,
        requests=stats.get("downloader/request_count", 0),
        resume_at=spider.resume_at if spider else None,
        failures=tuple(spider.failures) if spider else (),
        peak_megabytes=read_peak_megabytes(),
        **counts,
    )


def _exit_with_parent(is_done: threading.Event) -> None:
    # Not sys.stdin: this thread would hold its lock while the interpreter shuts down.
    while os.read(0, 4096):
        pass
    if not is_done.is_set():
        os._exit(_PARENT_GONE_STATUS)


def main() -> None:
    """Read the plan from standard input, run the crawl and print its report."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=CrawlPlan)
    is_done = threading.Event()
    threading.Thread(target=_exit_with_parent, args=[is_done], daemon=True).start()
    report = run_crawl(plan)
    is_done.set()  # who has read the report may close our input before we have ended
    write_line(report)
