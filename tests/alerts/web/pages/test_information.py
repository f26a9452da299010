"""Pages that explain, over real HTTP."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote_plus

import html5lib
import pytest
from lxml import etree

from alerts.queries import QueryError, find_match, parse_query, uses_field
from alerts.web.pages import query_examples
from tests.alerts.web.pages.test_home import filled
from tests.support.web_client import WebClient

PAGES = ("/about", "/accessibility", "/api", "/help", "/privacy")
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_valid_and_may_be_cached(site: WebClient, path: str) -> None:
    status, headers, body = site.request("GET", path)
    assert status == 200
    html = body.decode()
    html5lib.HTMLParser(strict=True).parse(html)
    assert html.count("<h1") == 1
    assert headers["Cache-Control"] == "public, max-age=60"
    assert "Set-Cookie" not in headers


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_these_pages_leads_somewhere(site: WebClient, path: str) -> None:
    html = site.request_text("GET", path)[1]
    main = html[html.index("<main") :]
    for link in {unescape(one) for one in re.findall(r'href="(/[^"]*)"', main)}:
        assert site.request("GET", link)[0] in (200, 503), link  # 503: the status of a new service


@pytest.mark.parametrize(
    "example", [*query_examples.WORDS, *query_examples.COMBINED], ids=lambda one: one.query
)
def test_the_examples_of_the_help_are_true(example: query_examples.QueryExample) -> None:
    query = parse_query(example.query)
    for text in example.finds:
        assert find_match(query, {"question": [text]}), text
    for text in example.misses:
        assert not find_match(query, {"question": [text]}), text


@pytest.mark.parametrize("example", query_examples.FIELDS, ids=lambda one: one.query)
def test_the_fields_of_the_help_can_be_searched(example: query_examples.FieldExample) -> None:
    assert uses_field(parse_query(example.query), example.query.partition(":")[0])


def test_the_help_says_what_the_search_box_says(site: WebClient) -> None:
    refused = query_examples.list_refused()
    html = unescape(site.request_text("GET", "/help")[1])
    for example in refused:
        with pytest.raises(QueryError):
            parse_query(example.query)
        assert example.error in html


@pytest.mark.slow
def test_the_site_map_names_public_pages_that_answer(site: WebClient) -> None:
    filled(site)
    index = etree.fromstring(site.request("GET", "/sitemap.xml")[2])
    files = [one.text or "" for one in index.iter(f"{SITEMAP}loc")]
    assert files == [
        "https://watch.example/sitemap-pages.xml",
        "https://watch.example/sitemap-questions-1.xml",
    ]
    pages = [
        one.text or ""
        for file in files
        for one in etree.fromstring(
            site.request("GET", file.removeprefix("https://watch.example"))[2]
        ).iter(f"{SITEMAP}loc")
    ]
    assert len(pages) > 16
    for page in pages:
        assert site.request("GET", page.removeprefix("https://watch.example"))[0] == 200, page
    assert (
        "Sitemap: https://watch.example/sitemap.xml" in site.request_text("GET", "/robots.txt")[1]
    )
    assert site.request("GET", "/sitemap-questions-2.xml")[0] == 404
    assert site.request("GET", "/sitemap-questions-0.xml")[0] == 404


@pytest.mark.slow
def test_the_examples_of_fields_find_questions_of_the_archive(site: WebClient) -> None:
    filled(site)
    html = unescape(site.request_text("GET", "/help")[1])
    for example in ('asked_by:"Ada Brook"', "year:2026", "ref:2026/0008"):
        assert f"<code>{example}</code>" in html
        found = site.request_text("GET", f"/search?q={quote_plus(example)}")[1]
        assert 'class="title"' in found, example
