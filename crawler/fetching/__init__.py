"""Fetching: one crawl as a process of its own, on Scrapy.

``python -P -m crawler.fetching`` takes a :class:`crawler.plan.CrawlPlan` as one line of JSON on
standard input and prints :mod:`crawler.report` lines on standard output. The package holds Scrapy's
settings, the middlewares for politeness, the memory guard and the base class of the spiders.

It knows no particular site and no database.
"""

from crawler.fetching.middlewares import describe_error
from crawler.fetching.planned_spider import get_spider
from crawler.fetching.source_spider import SourceSpider

__all__ = ["SourceSpider", "describe_error", "get_spider"]
