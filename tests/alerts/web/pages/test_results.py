"""The page of results over real HTTP: what it shows, what it links to, and its form."""

from __future__ import annotations

import re
from datetime import date, timedelta
from html import unescape
from urllib.parse import quote_plus

import html5lib
import pytest

from alerts.subscribers import publish_topic
from crawler.records import Asker, Meeting
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient


@pytest.fixture
def filled(site: WebClient) -> WebClient:
    askers = [Asker("Ada Brook", "Ada Brook AM", "Harbour Group", "ada-brook")] * 2
    askers.append(Asker("Bo Lane", "Bo Lane AM", "Garden League", "bo-lane"))
    site.publish_questions(
        *(
            make_question(
                number,
                *([make_answer("The tram is on time.")] if number % 3 else []),
                words="Is the tram late?",
                title="Night tram" if number == 1 else f"Of benches {number}",
                asked_by=askers[number % 3],
                meeting=Meeting("MQT", date(2026, 7, 16) - timedelta(days=20 * number)),
            )
            for number in range(20)
        )
    )
    with site.ledger.writing() as connection:
        publish_topic(connection, "time", site.now)
    site.publish_questions()
    return site


def get(site: WebClient, path: str, status: int = 200) -> str:
    found, html = site.request_text("GET", path)
    assert found == status
    html5lib.HTMLParser(strict=True).parse(html)
    return html


def list_chips(html: str) -> dict[str, tuple[str, str]]:
    """The links of the filters with their counts, by their labels."""
    found = re.findall(
        r'<a class="chip" href="(/search\?[^"]+)" rel="nofollow">([^<]+) <span class="num">(\d+)',
        html,
    )
    return {label: (unescape(link), number) for link, label, number in found}


@pytest.mark.slow
def test_filters_lead_to_as_many_results_as_they_say(filled: WebClient) -> None:
    chips = list_chips(get(filled, "/search?q=tram"))
    assert set(chips) == {
        *("Answered", "Unanswered", "Ada Brook", "Bo Lane", "Harbour Group", "Garden League"),
        *("2026", "2025"),
    }
    for label, (link, number) in chips.items():
        html = get(filled, link)
        noun = "question mentions" if number == "1" else "questions mention"
        assert f"{number} {noun} <mark>tram</mark>" in html, label
        [removal] = re.findall(r'<a class="chip on" href="([^"]+)">', html)
        assert unescape(removal) == "/search?q=tram"


@pytest.mark.slow
def test_the_form_belongs_to_what_is_shown(filled: WebClient) -> None:
    link, _ = list_chips(get(filled, "/search?q=tram"))["Bo Lane"]
    narrowed = get(filled, link)
    assert "Get email alerts for <mark>tram</mark>, asked by Bo Lane</h2>" in narrowed
    [hidden] = re.findall(r'name="q" value="([^"]*)">\n', narrowed)
    assert unescape(hidden) == 'tram asked_by:"Bo Lane"'


@pytest.mark.slow
def test_each_order_is_a_link_and_keeps_its_pages(filled: WebClient) -> None:
    html = get(filled, "/search?q=tram")
    assert re.findall(
        r'"(/search[^"]*)"[^>]*>(?:Newest|Most relevant|Longest unanswered)<', html
    ) == [
        "/search?q=tram",
        "/search?q=tram&amp;sort=relevant",
        "/search?q=tram&amp;sort=waiting",
    ]
    relevant = get(filled, "/search?q=tram&sort=relevant")
    assert relevant.index("Night <mark>tram</mark>") < relevant.index("Of benches 0")
    [older] = re.findall(r'rel="next" href="([^"]+)"', relevant)
    assert "sort=relevant" in older
    assert '<ol class="list" start="13">' in get(filled, unescape(older))
    waiting = get(filled, "/search?q=tram&sort=waiting")
    assert waiting.index("Of benches 18") < waiting.index("Of benches 0")
    assert "Unanswered for 360 days" in waiting
    assert get(filled, "/search?q=tram&sort=nonsense").count("aria-current") == html.count(
        "aria-current"
    )


@pytest.mark.slow
def test_a_filter_alone_is_a_query(filled: WebClient) -> None:
    html = get(filled, "/search?q=status:unanswered")
    assert "7 questions match" in html
    assert '<a class="chip on" href="/search">' in html


@pytest.mark.slow
def test_a_year_is_explained_where_an_alert_is_offered(filled: WebClient) -> None:
    html = get(filled, f"/search?q={quote_plus('tram year:2025')}")
    assert "An alert for one year brings what still happens to its questions" in html


@pytest.mark.slow
def test_public_topics_of_the_results_are_beside_them(filled: WebClient) -> None:
    html = get(filled, "/search?q=tram")
    assert '<a class="chip" href="/topic/time">time</a>' in html
    assert "/topic/" not in get(filled, f"/search?q={quote_plus('tram status:unanswered')}")


@pytest.mark.slow
def test_what_finds_nothing_is_counted_word_by_word_and_corrected(filled: WebClient) -> None:
    html = get(filled, "/search?q=trrams+zebra")
    assert "No questions mention <mark>trrams zebra</mark>" in html
    assert "Subscribe anyway" in html
    assert '<th scope="row">zebra</th><td class="r">0</td>' in html
    html = get(filled, "/search?q=tarm+benches")
    assert 'href="/search?q=tram+benches"><b>tram benches</b></a>? It has 19 questions.' in html


@pytest.mark.slow
def test_the_address_of_searches_until_now_leads_there(filled: WebClient) -> None:
    status, headers, _ = filled.request("GET", "/?q=tram&after=1")
    assert status in {301, 308}
    assert headers["Location"] == "/search?q=tram&after=1"


@pytest.mark.slow
def test_a_page_of_results_is_small(filled: WebClient) -> None:
    assert len(get(filled, "/search?q=tram")) < 60_000
