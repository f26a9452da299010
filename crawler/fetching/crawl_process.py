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
from scrapy.crawler import CrawlerProcess
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


def run_crawl(plan: CrawlPlan) -> CrawlReport:
    """Run ``plan`` to its end in this process; it can be done once in a process's life."""
    settings = Settings(build_scrapy_settings(plan.politeness, plan.max_seconds))
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(plan.source)
    state: dict[str, Any] = {"reason": "did not start"}

    def closed(spider: SourceSpider, reason: str) -> None:
        state.update(spider=spider, reason=reason)
        for line in spider.resolve_final_refusals() if reason == "finished" else ():
            write_line(line)

    def crashed(failure: Failure, spider: SourceSpider) -> None:
        spider.handle_crash(failure)

    crawler.signals.connect(closed, signals.spider_closed)
    crawler.signals.connect(crashed, signals.spider_error)
    crawler.signals.connect(crashed, signals.item_error)
    started = datetime.now(UTC)
    process.crawl(crawler, plan=plan)
    process.start()
    spider: SourceSpider | None = state.get("spider")
    stats = crawler.stats.get_stats() if spider else {}  # there are none before it starts
    counts: dict[str, Any] = spider.build_counts() if spider else {}
    return CrawlReport(
        started_at=started,
        finished_at=datetime.now(UTC),
        finish_reason=state["reason"],
        requests=stats.get("downloader/request_count", 0),
        failures=tuple(spider.failures) if spider else (),
        peak_megabytes=read_peak_megabytes(),
        **counts,
    )


def _exit_with_parent() -> None:
    # Not through sys.stdin: its lock would be held when the interpreter ends in good order.
    while os.read(0, 4096):
        pass
    os._exit(_PARENT_GONE_STATUS)


def main() -> None:
    """Entry of the child process."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=CrawlPlan)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    write_line(run_crawl(plan))
