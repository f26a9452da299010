"""The first page over real HTTP: a topic tried out, and signing up for it."""

from __future__ import annotations

import re
from urllib.parse import quote_plus, urlencode

import html5lib
import pytest

from alerts.digests.compose import compose_due
from alerts.feeds.publish import publish
from alerts.ledger import bounces, subscriptions
from alerts.ledger.subscriptions import Wish
from alerts.matching.match_changes import Watcher
from alerts.recording.record import Reading, Rules, record
from alerts.search.index import write_words
from alerts.subscribers.subscribe import subscribe
from tests.alerts.subscribers.test_confirm import ADA, letters, link, living
from tests.support.samples import answer, question
from tests.support.visitor import FORM, HABITS, HEAD, IMPRINT, TEMPLATES, Pages


@pytest.fixture
def pages(site: Pages) -> Pages:
    """On SQLite alone: what the databases do for a preview is compared in test_alerts_search."""
    return site


def sign_up(pages: Pages, email: str, query: str = "VRU", **more: str) -> tuple[int, str]:
    fields = {"q": query, "email": email, "every": "immediate", "wants": "all"} | more
    return pages.send("/?q=VRU", "/sign-up", **fields)


def filled(pages: Pages) -> None:
    long = "The Violence Reduction Unit (VRU) met."
    some = [question(n, answer(long), title=f"On <youth> {n}") for n in range(1, 8)]
    with pages.ledger.writing() as connection:
        record(connection, [Reading(q) for q in some], pages.now, Rules())
    write_words(pages.ledger)


def test_the_page_shows_what_a_topic_would_bring(pages: Pages) -> None:
    filled(pages)
    status, html = pages.ask("GET", "/?q=VRU")
    assert status == 200
    html5lib.HTMLParser(strict=True).parse(html)
    assert "7 in the last week, 7 in the last year, 7 since our archive begins" in html
    assert html.count("<rect ") == 25
    assert html.count("On &lt;youth&gt;") == 5
    assert "VRU is also written Violence Reduction Unit: 7 questions." in html
    [wider] = re.findall(r'href="/\?(q=[^"]*)">Include it', html)
    assert pages.ask("GET", f"/?{wider}")[0] == 200


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("", 200, "What do you want to hear of?"),
        ('"half a phrase', 400, "Close the double quotes"),
        ("the", 400, "Add a rarer word"),
        ("x" * 600, 400, ""),
        ("<script>alert(1)</script>", 200, ""),
        ("vruu", 200, "Never seen so far: vruu"),
    ],
)
def test_whatever_is_typed_is_answered(pages: Pages, typed: str, status: int, says: str) -> None:
    filled(pages)
    found, html = pages.ask("GET", f"/?q={quote_plus(typed)}")
    assert found == status
    html5lib.HTMLParser(strict=True).parse(html)
    assert says in html
    assert "<script>alert" not in html


def test_from_typing_to_leaving(pages: Pages) -> None:
    filled(pages)
    status, html = sign_up(pages, ADA, every="immediate")
    assert status == 200
    assert "Look into your mailbox" in html
    assert living(pages.ledger) == []
    assert pages.ask("POST", link(pages.ledger))[0] == 200
    assert living(pages.ledger) == ["VRU"]
    with pages.ledger.writing() as connection:
        record(connection, [Reading(question(20, words="VRU."))], pages.now, Rules())
    Watcher(pages.ledger).match_new()
    assert compose_due(pages.ledger, TEMPLATES, HEAD, pages.now) == 1
    leave = re.search(r"https://watch\.example(/u/\S+)", letters(pages.ledger)[1])
    assert leave is not None
    assert pages.ask("POST", leave[1].rstrip(">,"), "List-Unsubscribe=One-Click", FORM)[0] == 200
    assert living(pages.ledger) == []


def test_nobody_learns_who_is_subscribed(pages: Pages) -> None:
    with pages.ledger.writing() as connection:
        wish = Wish("VRU", "daily", "all", "command")
        subscribe(connection, "known@demo.example", wish, HABITS, pages.now)
        person = subscriptions.ensure_subscriber(
            connection, "gone@demo.example", "Europe/London", 7, pages.now
        )
        bounces.suspend(connection, person.id, "complaint", pages.now)
    people = ("known", "gone", "new", "new", "other")
    answers = {sign_up(pages, f"{who}@demo.example") for who in people}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("email", "query"), [("no address", "VRU"), (ADA, '"half'), (ADA, ""), ("", "")]
)
def test_what_cannot_be_is_said_and_nothing_is_kept(pages: Pages, email: str, query: str) -> None:
    before = pages.everything()
    status, html = sign_up(pages, email, query)
    assert status == 400
    assert 'class="wrong"' in html
    assert pages.everything() == before


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
def test_a_form_of_another_site_is_not_taken(
    pages: Pages,
    headers: dict[str, str],
    status: int,
) -> None:
    found, cookie = pages.ticket("/?q=VRU")
    body = urlencode({"q": "VRU", "email": ADA, "csrf": found})
    sent = {"Cookie": cookie} | headers
    assert pages.ask("POST", "/sign-up", body, FORM, **sent)[0] == status
    assert len(letters(pages.ledger)) == (status == 200)


def test_one_network_cannot_write_to_everybody(pages: Pages) -> None:
    statuses = [sign_up(pages, f"p{n}@demo.example")[0] for n in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert len(letters(pages.ledger)) == 10


def test_a_page_asks_for_nothing_from_elsewhere(pages: Pages) -> None:
    filled(pages)
    html = pages.ask("GET", "/?q=VRU")[1]
    asked = re.findall(r'(?:src|href)="(?!/static/|data:|#|/)([^"]*)"', html)
    assert asked == []
    assert not re.findall(r"<style|style=|<script>|\son\w+=|url\(|@import", html)
    assert len(html) < 100_000


def test_a_topic_that_somebody_watches_has_feeds_that_readers_find(pages: Pages) -> None:
    filled(pages)
    assert "/feeds/VRU" not in pages.ask("GET", "/?q=VRU")[1]
    with pages.ledger.writing() as connection:
        wish = Wish("VRU", "daily", "all", "command")
        subscribe(connection, ADA, wish, HABITS, pages.now)
    Watcher(pages.ledger).match_new()
    publish(pages.ledger, pages.folder, IMPRINT, TEMPLATES)
    html = pages.ask("GET", "/?q=vru+OR+VRU")[1]
    assert "/feeds/VRU" not in html  # another topic
    html = pages.ask("GET", "/?q=VRU")[1]
    found = re.findall(r'<link rel="alternate" type="([^"]+)" title="[^"]+" href="([^"]+)">', html)
    assert [kind for kind, _ in found] == [
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
    ]
    for _, path in found:
        status, text = pages.ask("GET", path)
        assert status == 200
        assert "Violence Reduction Unit" in text
