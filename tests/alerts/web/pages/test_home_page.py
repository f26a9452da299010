"""The home page over real HTTP."""

from __future__ import annotations

import re
from html import unescape

import html5lib
import pytest

from tests.alerts.web.pages.test_home import filled
from tests.support.web_client import WebClient


def test_a_new_service_has_a_home_page(site: WebClient) -> None:
    status, html = site.request_text("GET", "/")
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    assert "No questions have been read yet." in html
    assert "Set-Cookie" not in site.request("GET", "/")[1]


def test_it_shows_what_is_in_the_archive(site: WebClient) -> None:
    filled(site)
    html = site.request_text("GET", "/")[1]
    html5lib.HTMLParser(strict=True).parse(html)
    assert html.count("<h1") == 1
    latest = html[html.index("Latest questions") : html.index("</ol>", html.index("Latest"))]
    assert latest.count("<li>") == 6
    assert "8 questions so far, 8 answered" in html
    assert "A daily digest" in html


@pytest.mark.slow
def test_every_link_of_it_leads_somewhere(site: WebClient) -> None:
    filled(site)
    html = site.request_text("GET", "/")[1]
    links = {unescape(one) for one in re.findall(r'href="(/[^"]*)"', html)}
    assert any(link.startswith("/search?q=") for link in links)
    for link in links:
        assert site.request("GET", link)[0] in (200, 503), link  # 503: the status of a new service


def test_it_is_the_same_for_everybody_and_made_once_a_minute(site: WebClient) -> None:
    first = site.request("GET", "/")[2]
    filled(site)
    assert site.request("GET", "/")[2] == first


def test_links_to_it_have_a_picture(site: WebClient) -> None:
    html = site.request_text("GET", "/")[1]
    picture = "/pictures/service.png"
    assert f'<meta property="og:image" content="https://watch.example{picture}">' in html
    status, headers, body = site.request("GET", picture)
    assert (status, headers.get_content_type()) == (200, "image/png")
    assert body.startswith(b"\x89PNG")
    assert site.request("GET", "/charts/service.png")[0] == 404
