"""The sources are known by the names of their spiders' modules, without importing Scrapy."""

from __future__ import annotations

from scrapy.settings import Settings
from scrapy.spiderloader import SpiderLoader

from crawler.fetching.settings import build_scrapy_settings
from crawler.plan import PolitenessSettings
from crawler.spiders import list_source_names


def test_scrapy_finds_the_spider_of_each_source_by_its_name() -> None:
    settings = Settings(build_scrapy_settings(PolitenessSettings("watchword/1")))
    assert sorted(SpiderLoader.from_settings(settings).list()) == list(list_source_names())
