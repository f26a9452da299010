"""The rows of real listings, read by the spider: each question once, whatever its link has."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from urllib.parse import urlsplit

import pytest
from scrapy.http import HtmlResponse, Request

from crawler.plan import CrawlPlan, ListingWindow, PolitenessSettings
from crawler.spiders.london import LondonSpider
from tests.support.real_facts import (
    ARE_FACTS_REAL,
    LISTING_PATH,
    SITE_URL,
    PrintedPage,
    RealQuestion,
    build_printed_page,
    read_facts,
)
from tests.support.real_pages import render_listing

FACTS = [(fact, build_printed_page(fact, number)) for number, fact in enumerate(read_facts(), 1)]
ROWS = [pair for pair in FACTS if pair[0].source_kind in {"listing_row", "node_listing_row"}]


def links(html: str, since: date, until: date) -> tuple[list[str], LondonSpider]:
    """Return the pages that the spider would visit, and the spider with its counts."""
    plan = CrawlPlan(
        source="london", base_url=SITE_URL, politeness=PolitenessSettings(user_agent="tests")
    )
    spider = LondonSpider(plan=plan)
    response = HtmlResponse(
        f"{SITE_URL}{LISTING_PATH}?page=7", body=html.encode(), encoding="utf-8"
    )
    found = spider.parse_listing(response, ListingWindow(since, until), 0)
    requests = [one for one in found if isinstance(one, Request)]
    return [one.url for one in requests if one.callback == spider.parse_question], spider


def listings() -> list[list[tuple[RealQuestion, PrintedPage]]]:
    """Return the rows, grouped by listing page, in the order of the page."""
    return [list(group) for _, group in groupby(ROWS, key=lambda pair: pair[0].source_url)]


@pytest.mark.parametrize("group", listings(), ids=lambda group: group[0][1].title[:40])
def test_a_listing_leads_to_each_of_its_questions_once(
    group: list[tuple[RealQuestion, PrintedPage]],
) -> None:
    """In the order of the page, not of the references; a query in the link makes no other page."""
    days = [page.day for _, page in group if page.day]
    html = render_listing([page for _, page in group], urlsplit(group[0][0].source_url).query)
    found, spider = links(html, min(days), max(days))
    assert found == [page.address for _, page in group]
    assert spider.counts["listed"] == len(group)
    assert spider.counts["outside_window"] == 0
    elsewhere = date(1999, 1, 1)
    assert links(html, elsewhere, elsewhere)[1].counts["outside_window"] == len(group)


def test_no_row_is_left_out() -> None:
    assert sum(map(len, listings())) == len(ROWS) == (91 if ARE_FACTS_REAL else 10)
