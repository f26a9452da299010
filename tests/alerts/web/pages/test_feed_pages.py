"""The page of each feed, for people, over real HTTP."""

from __future__ import annotations

import html5lib
import pytest

from tests.alerts.web.pages.test_home import filled
from tests.support.web_client import WebClient


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/feeds/everything", "https://watch.example/feeds/everything.rss.xml"),
        ("/feeds/queries/feed?q=VRU", "https://watch.example/feeds/queries/feed.rss.xml?q=VRU"),
        ("/feeds/members/ada-brook", "https://watch.example/feeds/members/ada-brook.rss.xml"),
    ],
)
def test_a_feed_has_a_page_with_its_address(site: WebClient, path: str, address: str) -> None:
    filled(site)
    status, headers, body = site.request("GET", path)
    assert status == 200
    html = body.decode()
    html5lib.HTMLParser(strict=True).parse(html)
    assert headers.get_content_type() == "text/html"
    assert f'readonly value="{address}"' in html
    assert html.count('<h3 class="title">') == 5
    feed = address.removeprefix("https://watch.example")
    assert site.request("GET", feed)[1].get_content_type() == "application/rss+xml"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/feeds/nothing", 404),
        ("/feeds/members/nobody", 404),
        ("/feeds/private/abc", 404),
        ("/feeds/queries/feed?q=(knife", 400),
        ("/feeds/", 404),
        ("/feeds/..", 404),
        ("/feeds/%00", 404),
    ],
)
def test_what_is_no_feed_is_a_page_that_says_so(site: WebClient, path: str, status: int) -> None:
    found, headers, body = site.request("GET", path)
    assert found == status
    assert headers.get_content_type() == "text/html"
    assert b"<h1>" in body
