"""What the middlewares need to know of the spider whose requests they see."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Protocol, cast

from scrapy.crawler import Crawler

from crawler.plan import CrawlPlan
from crawler.report import FailureKind


class PlannedSpider(Protocol):
    """The part of :class:`crawler.fetching.SourceSpider` that middlewares use."""

    name: str
    plan: CrawlPlan
    counts: Counter[str]  #: under the names of :class:`crawler.report.CrawlReport`
    resume_at: datetime | None  #: until when the source asked to be left alone

    def add_failure(self, kind: FailureKind, detail: str, url: str | None = None) -> None:
        """Keep a failure for the report."""


def get_spider(crawler: Crawler) -> PlannedSpider:
    """Return the spider of a crawl that is under way."""
    return cast("PlannedSpider", crawler.spider)
