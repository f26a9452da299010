"""The home page over real HTTP: search results and signing up."""

from __future__ import annotations

import re
from urllib.parse import quote_plus, urlencode

import html5lib
import pytest

from alerts.digests import DigestSettings, compose_due_digests
from alerts.feeds import FeedContext, publish_feeds
from alerts.ledger import bounces, subscriptions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import index_questions
from alerts.subscribers import subscribe
from crawler.storage import LocalFolder
from tests.alerts.subscribers.test_confirmation import ADA, find_link, list_queries, read_emails
from tests.support.samples import make_answer, make_question
from tests.support.web_client import (
    FEED_IDENTITY,
    FORM_CONTENT_TYPE,
    MAIL_IDENTITY,
    SUBSCRIBER_DEFAULTS,
    TEMPLATES,
    WebClient,
)


@pytest.fixture
def pages(site: WebClient) -> WebClient:
    """On SQLite alone: tests/alerts/search compares the databases."""
    return site


def sign_up(pages: WebClient, email: str, query: str = "VRU", **more: str) -> tuple[int, str]:
    fields = {"q": query, "email": email, "frequency": "immediate", "updates": "all"} | more
    return pages.submit_form("/search?q=VRU", "/sign-up", **fields)


def filled(pages: WebClient) -> None:
    long = "The Violence Reduction Unit (VRU) met."
    some = [make_question(n, make_answer(long), title=f"On <youth> {n}") for n in range(1, 8)]
    some.append(make_question(8, make_answer("The Violence Reduction Unit met."), title="Late"))
    with pages.ledger.writing() as connection:
        record_readings(connection, [QuestionReading(q) for q in some], pages.now, RecordingRules())
    index_questions(pages.ledger)


@pytest.mark.slow
def test_a_search_shows_past_results(pages: WebClient) -> None:
    filled(pages)
    status, html = pages.request_text("GET", "/search?q=VRU")
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    assert "7 questions mention <mark>VRU</mark>" in html
    assert "7 questions since 16 July 2026, so no chart." in html
    assert html.count("On &lt;youth&gt;") == 7
    assert "VRU is also written Violence Reduction Unit: 1 more question." in html
    [wider] = re.findall(r'href="/search\?(q=[^"]*)">Include it', html)
    assert pages.request_text("GET", f"/search?{wider}")[0] == 200


def test_a_broad_search_names_the_field_and_a_narrower_one(pages: WebClient) -> None:
    filled(pages)
    html = pages.request_text("GET", "/search?q=mayor")[1]
    assert "questions a week match, 100% of all" in html
    assert "Most of them have mayor in the fields" in html
    [narrower] = re.findall(r'href="/search\?(q=[^"]*)">Leave out [a-z_, ]+<', html)
    assert pages.request_text("GET", f"/search?{narrower}")[0] == 200
    assert "Found only by the name of a person: The Mayor" in html


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("", 200, "How to write a query"),
        ('"half a phrase', 400, "Close the double quotes"),
        ("the", 400, "Add a rarer word"),
        ("x" * 600, 400, ""),
        ("<script>alert(1)</script>", 400, "Leave a space before and after brackets"),
        ("vruu", 200, "No questions mention <mark>vruu</mark>"),
    ],
)
def test_every_query_gets_a_page(pages: WebClient, typed: str, status: int, says: str) -> None:
    filled(pages)
    found, html = pages.request_text("GET", f"/search?q={quote_plus(typed)}")
    assert found == status
    html5lib.HTMLParser(strict=True).parse(html)
    assert says in html
    assert "<script>alert" not in html


@pytest.mark.slow
def test_from_sign_up_to_unsubscribing(pages: WebClient) -> None:
    filled(pages)
    status, html = sign_up(pages, ADA, frequency="immediate")
    assert status == 200
    assert "Check your email" in html
    assert list_queries(pages.ledger) == []
    assert pages.request_text("POST", find_link(pages.ledger))[0] == 200
    assert list_queries(pages.ledger) == ["VRU"]
    with pages.ledger.writing() as connection:
        record_readings(
            connection,
            [QuestionReading(make_question(20, words="VRU."))],
            pages.now,
            RecordingRules(),
        )
    TopicMatcher(pages.ledger).match_new_changes()
    assert (
        compose_due_digests(pages.ledger, DigestSettings(TEMPLATES, MAIL_IDENTITY), pages.now) == 1
    )
    leave = re.search(r"https://watch\.example(/u/\S+)", read_emails(pages.ledger)[1])
    assert leave is not None
    assert (
        pages.request_text(
            "POST", leave[1].rstrip(">,"), "List-Unsubscribe=One-Click", FORM_CONTENT_TYPE
        )[0]
        == 200
    )
    assert list_queries(pages.ledger) == []


@pytest.mark.slow
def test_the_response_does_not_tell_who_is_subscribed(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        wish = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
        subscribe(connection, "known@demo.example", wish, SUBSCRIBER_DEFAULTS, pages.now)
        person = subscriptions.ensure_subscriber(
            connection, "gone@demo.example", "Europe/London", 7, pages.now
        )
        bounces.suspend_subscriber(connection, person.id, "complaint", pages.now)
    people = ("known", "gone", "new", "new", "other")
    answers = {
        (status, html.replace(f"{who}@demo.example", "what was typed"))
        for who in people
        for status, html in [sign_up(pages, f"{who}@demo.example")]
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("email", "query"), [("no address", "VRU"), (ADA, '"half'), (ADA, ""), ("", "")]
)
def test_an_invalid_sign_up_shows_the_error_and_stores_nothing(
    pages: WebClient, email: str, query: str
) -> None:
    before = pages.read_all_rows()
    status, html = sign_up(pages, email, query)
    assert status == 400
    assert "error-text" in html
    assert "<title>Error: " in html
    assert pages.read_all_rows() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Length": "99999999"}, 413),
    ],
)
def test_a_sign_up_from_another_site_is_refused(
    pages: WebClient,
    headers: dict[str, str],
    status: int,
) -> None:
    found, cookie = pages.get_csrf("/search?q=VRU")
    body = urlencode({"q": "VRU", "email": ADA, "csrf": found})
    sent = {"Cookie": cookie} | headers
    assert (
        pages.request_text("POST", "/sign-up", body, FORM_CONTENT_TYPE, headers=sent)[0] == status
    )
    assert len(read_emails(pages.ledger)) == (status == 200)


@pytest.mark.slow
def test_sign_ups_from_one_network_are_limited(pages: WebClient) -> None:
    statuses = [sign_up(pages, f"p{n}@demo.example")[0] for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert len(read_emails(pages.ledger)) == 10


@pytest.mark.slow
def test_pages_load_nothing_from_other_sites(pages: WebClient) -> None:
    filled(pages)
    html = pages.request_text("GET", "/search?q=VRU")[1]
    asked = re.findall(r'(?:src|href)="(?!/static/|data:|#|/)([^"]*)"', html)
    assert asked == []
    assert not re.findall(r"<style|style=|<script>|\son\w+=|url\(|@import", html)
    assert len(html) < 100_000


@pytest.mark.slow
def test_a_topic_with_an_alert_has_feeds_that_feed_readers_find(pages: WebClient) -> None:
    filled(pages)
    assert "/feeds/VRU" not in pages.request_text("GET", "/search?q=VRU")[1]
    with pages.ledger.writing() as connection:
        wish = SubscriptionRequest("VRU", Frequency.DAILY, "all", "command")
        subscribe(connection, ADA, wish, SUBSCRIBER_DEFAULTS, pages.now)
    TopicMatcher(pages.ledger).match_new_changes()
    publish_feeds(pages.ledger, LocalFolder(pages.folder), FeedContext(FEED_IDENTITY, TEMPLATES))
    html = pages.request_text("GET", "/search?q=vru+OR+VRU")[1]
    assert "/feeds/VRU" not in html  # another topic
    html = pages.request_text("GET", "/search?q=VRU")[1]
    found = re.findall(r'<link rel="alternate" type="([^"]+)" title="[^"]+" href="([^"]+)">', html)
    assert [kind for kind, _ in found] == [
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
    ]
    for _, path in found:
        status, text = pages.request_text("GET", path)
        assert status == 200
        assert "Violence Reduction Unit" in text


@pytest.mark.slow
def test_a_sign_up_is_delivered_at_once(pages: WebClient) -> None:
    before = pages.wanted_deliveries
    assert sign_up(pages, ADA)[0] == 200
    assert pages.wanted_deliveries == before + 1
