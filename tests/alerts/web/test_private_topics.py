"""What somebody signs up for is on no page, list or feed, and cannot be told from nothing."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from urllib.parse import quote_plus

import feedparser
import pytest
from lxml import etree

import alerts
from alerts.ledger import publication, subscriptions, topics
from alerts.ledger.rate_counts import CountKey, RateCounts
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.topics import build_slug
from alerts.limits import Limit, Scope
from alerts.model import Frequency, Subscriber
from alerts.queries import format_canonical, parse_query
from alerts.subscribers import hide_topic, publish_topic, subscribe, unsubscribe
from tests.support.samples import make_question
from tests.support.web_client import MAIL_IDENTITY, SUBSCRIBER_DEFAULTS, WebClient

WATCHER = "quill@demo.example"
#: A phrase that somebody watches, and one that nobody does; both are in the questions.
WATCHED, UNWATCHED = '"zebra crossing"', '"cattle grid"'
WORDS = "What of the zebra crossing and of the cattle grid?"


def build_query_slug(query: str) -> str:
    return build_slug(format_canonical(parse_query(query)), query)


def sign_up(pages: WebClient, query: str, email: str = WATCHER) -> None:
    """Sign up on the page, and open the link of the newest email."""
    fields = {"q": query, "email": email, "frequency": "daily", "updates": "all"}
    assert pages.submit_form("/search?q=bus", "/sign-up", **fields)[0] == 200
    confirm(pages)


def confirm(pages: WebClient) -> None:
    links = re.findall(r"https://watch\.example(/c/[\w-]+)", pages.read_messages()[-1])
    assert pages.request_text("POST", links[0])[0] == 200


@pytest.fixture
def watched(site: WebClient) -> WebClient:
    """Pages over a ledger in which one stranger has signed up for one phrase."""
    sign_up(site, WATCHED)
    site.publish_questions(make_question(1, words=WORDS))
    return site


@pytest.fixture
def public(watched: WebClient) -> WebClient:
    """The same, after the operator has published the phrase."""
    with watched.ledger.writing() as connection:
        publish_topic(connection, WATCHED, watched.now)
    watched.publish_questions()
    return watched


def list_addresses(query: str) -> Iterator[str]:
    """Every address that is made of a query."""
    slug, typed = build_query_slug(query), quote_plus(query)
    yield f"/topic/{slug}"
    yield f"/api/v1/topics/{slug}"
    yield f"/api/v1/changes?topic={slug}"
    yield f"/search?q={typed}"
    for extension in ("rss.xml", "atom.xml", "json"):
        yield f"/feeds/{slug}.{extension}"
        yield f"/feeds/{slug}.{extension}?only=asked"
        yield f"/feeds/queries/feed.{extension}?q={typed}"
    yield f"/feeds/{slug}.1.atom.xml"


def anonymise(body: bytes, query: str) -> str:
    """A response without what it says of the query that was asked for, and without its form."""
    text = re.sub(r'value="[^"]{40,}"', "", body.decode())
    text = re.sub(r",2026:[0-9a-f]{32}", "", text)  # an id that is made from the query
    for words in (query, query.strip('"'), quote_plus(query), build_query_slug(query)):
        for spelling in (words, words.replace('"', "&#34;"), words.replace('"', "&quot;")):
            text = text.replace(spelling, "QUERY")
    text = re.sub(r"zebra crossing|cattle grid|zebra|crossing|cattle|grid", "WORD", text)
    return re.sub(r"[^\n]*(?:WORD|<mark>|lastBuildDate|updated)[^\n]*", "", text)


@pytest.mark.slow
def test_no_address_tells_a_watched_phrase_from_another(watched: WebClient) -> None:
    """By status, headers or body."""
    pairs = zip(list_addresses(WATCHED), list_addresses(UNWATCHED), strict=True)
    for watched_path, other_path in pairs:
        answers = [watched.request("GET", path) for path in (watched_path, other_path)]
        assert answers[0][0] == answers[1][0], watched_path
        names = [sorted(name.lower() for name in headers) for _, headers, _ in answers]
        assert names[0] == names[1], watched_path
        assert answers[0][1]["Location"] is None
        bodies = [
            anonymise(body, query)
            for (_, _, body), query in zip(answers, (WATCHED, UNWATCHED), strict=True)
        ]
        assert bodies[0] == bodies[1], watched_path


PUBLIC_PATHS = (
    *("/", "/members", "/member/ada-brook", "/unanswered", "/status", "/status.json", "/privacy"),
    *("/topics", "/bodies", "/bodies/the-mayor", "/q/2026-0001", "/cite/london:/questions/1"),
    *("/question/london:/questions/1", "/completeness/london", "/robots.txt", "/healthz"),
    *("/api/v1/topics", "/api/openapi.json", "/feeds/everything.atom.xml"),
)


@pytest.mark.slow
def test_signing_up_changes_no_public_answer(site: WebClient) -> None:
    site.publish_questions(make_question(1, words=WORDS))
    site.publish_questions()

    def read_all() -> list[tuple[int, bytes]]:
        found = []
        for path in PUBLIC_PATHS:
            status, _, body = site.request("GET", path)
            found.append((status, re.sub(rb'value="[^"]{40,}"', b"", body)))
        return found

    before, files = read_all(), sorted(path.name for path in site.folder.iterdir())
    sign_up(site, WATCHED)
    site.publish_questions()
    assert read_all() == before
    assert sorted(path.name for path in site.folder.iterdir()) == files


@pytest.mark.slow
def test_a_followed_question_is_private_as_well(site: WebClient) -> None:
    site.publish_questions(make_question(1, words=WORDS))
    fields = {"question": "london:/questions/1", "title": "Question 1", "email": WATCHER}
    assert site.submit_form("/question/london:/questions/1", "/sign-up", **fields)[0] == 200
    confirm(site)
    site.publish_questions()
    with site.ledger.reading() as connection:
        [topic] = topics.list_all(connection)
    assert site.request("GET", f"/topic/{topic.slug}")[0] == 404
    assert site.request("GET", f"/feeds/{topic.slug}.json")[0] == 404
    assert not list(site.folder.glob(f"{topic.slug}.*"))


@pytest.mark.slow
def test_ids_of_the_api_do_not_count_private_topics(watched: WebClient) -> None:
    with watched.ledger.writing() as connection:
        publish_topic(connection, "buses", watched.now)
        topics.ensure(connection, "tram", "trams", watched.now)
        publish_topic(connection, "roads", watched.now)
    first = watched.request_json("/api/v1/topics?limit=1")
    assert ([one["title"] for one in first["topics"]], first["next"]) == (["buses"], 1)
    second = watched.request_json("/api/v1/topics?limit=1&after=1")
    assert ([one["title"] for one in second["topics"]], second["next"]) == (["roads"], 2)


@pytest.mark.slow
def test_a_published_topic_has_nothing_of_who_signed_up_first(site: WebClient) -> None:
    """Neither their spelling nor the time of their sign-up."""
    sign_up(site, '"zebra crossing" OR ZEBRAS')
    signed_up_at = site.now
    site.now = signed_up_at.replace(year=signed_up_at.year + 1)
    with site.ledger.writing() as connection:
        topic = publish_topic(connection, 'zebras OR "zebra crossing"', site.now)
    assert topic.title == 'zebras OR "zebra crossing"'
    assert topic.slug == build_query_slug('zebras OR "zebra crossing"')
    [listed] = site.request_json("/api/v1/topics")["topics"]
    assert listed["since"].startswith(str(site.now.year))


@pytest.mark.slow
def test_a_topic_that_is_hidden_is_gone_everywhere(public: WebClient) -> None:
    """Its addresses say so, whether or not somebody is subscribed to it."""
    slug = build_query_slug(WATCHED)
    files = set(public.folder.glob(f"{slug}.*"))
    assert len(files) == 3
    paths = [path for path in list_addresses(WATCHED) if slug in path and ".1." not in path]
    assert [public.request("GET", path)[0] for path in paths] == [200] * len(paths)
    with public.ledger.writing() as connection:
        hide_topic(connection, WATCHED)
    public.publish_questions()
    assert not [path for path in files if path.exists()]
    time.sleep(1.1)  # feeds that are not files are compared with the ledger once a second

    def read_all() -> list[tuple[int, bytes]]:
        return [public.request("GET", path)[::2] for path in paths]

    assert {status for status, _ in read_all()} == {410}
    assert all(b"not public any more" in body for _, body in read_all())
    with_subscriber = read_all()
    with public.ledger.writing() as connection:
        assert unsubscribe(connection, WATCHER, None, public.now) == 1
    public.publish_questions()
    assert read_all() == with_subscriber
    assert WATCHED not in public.request_text("GET", "/member/ada-brook")[1]


@pytest.mark.slow
def test_publishing_again_brings_back_addresses_and_ids(public: WebClient) -> None:
    slug = build_query_slug(WATCHED)
    before = feedparser.parse(public.request("GET", f"/feeds/{slug}.atom.xml")[2])
    with public.ledger.writing() as connection:
        hide_topic(connection, slug)
    public.publish_questions()
    with public.ledger.writing() as connection:
        publish_topic(connection, slug, public.now)
    public.publish_questions()
    assert (public.folder / f"{slug}.atom.xml").is_file()
    after = feedparser.parse(public.request("GET", f"/feeds/{slug}.atom.xml")[2])
    assert (after.feed.id, after.entries[0].id) == (before.feed.id, before.entries[0].id)
    with public.ledger.reading() as connection:
        assert not publication.is_retired(connection, slug)


# ---------------------------------------------------------------------- the subscriber's own feed


def find_person(pages: WebClient) -> Subscriber:
    with pages.ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, WATCHER)
    assert person is not None
    return person


def open_alerts(pages: WebClient) -> str:
    link = MAIL_IDENTITY.build_manage_link(find_person(pages).token, pages.now)
    return link.removeprefix("https://watch.example")


def find_own_feed(pages: WebClient) -> str:
    html = unescape(pages.request_text("GET", open_alerts(pages))[1])
    found = re.search(r'href="(/feeds/private/[^"]*)\.rss\.xml"', html)
    assert found is not None
    return found[1]


@pytest.mark.slow
def test_a_private_topic_has_a_feed_at_an_address_of_its_own(watched: WebClient) -> None:
    path = find_own_feed(watched)
    for extension in ("rss.xml", "atom.xml"):
        status, headers, body = watched.request("GET", f"{path}.{extension}")
        assert status == 200
        assert headers["Cache-Control"].startswith("private")
        assert headers["X-Robots-Tag"] == "noindex"
        assert headers["Access-Control-Allow-Origin"] is None
        found = feedparser.parse(body)
        assert [entry.title for entry in found.entries] == ["New question: Question 1"]
    listed = watched.request_json(f"{path}.json")
    assert [item["title"] for item in listed["items"]] == ["New question: Question 1"]
    assert len(watched.request_json(f"{path}.json?only=asked")["items"]) == 1
    outline = etree.fromstring(watched.request("GET", f"{open_alerts(watched)}/topics.opml")[2])
    [entry] = outline.iterfind("body/outline")
    assert entry.get("xmlUrl") == f"https://watch.example{path}.atom.xml"


@pytest.mark.slow
def test_its_address_can_be_changed(watched: WebClient) -> None:
    old, page = find_own_feed(watched), open_alerts(watched)
    assert watched.request("GET", f"{old}.atom.xml")[0] == 200
    with watched.ledger.reading() as connection:
        [alert] = subscriptions.list_active(connection)
    answer = watched.submit_form(page, page, action="feed", topic=str(alert.topic_id))
    assert "The feed has a new address" in answer[1]
    new = find_own_feed(watched)
    assert new != old
    assert watched.request("GET", f"{new}.atom.xml")[0] == 200
    status, _, gone = watched.request("GET", f"{old}.atom.xml")
    wrong = watched.request("GET", "/feeds/private/made-up.signature.atom.xml")
    assert (status, gone) == (404, wrong[2])


@pytest.mark.slow
def test_it_ends_with_the_alert(watched: WebClient) -> None:
    path = find_own_feed(watched)
    assert watched.request("GET", f"{path}.atom.xml")[0] == 200
    with watched.ledger.writing() as connection:
        unsubscribe(connection, WATCHER, None, watched.now)
    assert watched.request("GET", f"{path}.atom.xml")[0] == 404
    sign_up(watched, WATCHED)
    assert watched.request("GET", f"{path}.atom.xml")[0] == 404


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", ".", "=", "x"])
def test_an_address_is_accepted_in_one_form_only(watched: WebClient, end: str) -> None:
    path = find_own_feed(watched)
    wrong = f"{path[:-1]}{end}.atom.xml"
    assert watched.request("GET", wrong)[0] == 404


@pytest.mark.slow
def test_its_ids_are_those_of_the_public_feed(public: WebClient) -> None:
    """So a reader does not show everything again when the operator publishes or hides a topic."""
    slug = build_query_slug(WATCHED)
    with_public = feedparser.parse(public.request("GET", f"/feeds/{slug}.atom.xml")[2])
    assert f"/feeds/{slug}.atom.xml" in public.request_text("GET", open_alerts(public))[1]
    with public.ledger.writing() as connection:
        hide_topic(connection, slug)
    own = feedparser.parse(public.request("GET", f"{find_own_feed(public)}.atom.xml")[2])
    assert own.feed.id == with_public.feed.id
    assert [e.id for e in own.entries] == [e.id for e in with_public.entries]


# ------------------------------------------------------------------------------ what is said of it


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/search?q=bus", "/question/london:/questions/1"])
def test_the_form_says_what_is_private(watched: WebClient, path: str) -> None:
    html = watched.request_text("GET", path)[1]
    assert "Your topic stays private" in html or "is private: it is on no public page" in html
    assert 'href="/privacy"' in html


def test_privacy_is_explained_on_a_page_of_its_own(site: WebClient) -> None:
    status, html = site.request_text("GET", "/privacy")
    assert status == 200
    for heading in ("What is private", "What is public", "What we keep"):
        assert f"<h2>{heading}</h2>" in html
    assert 'href="/privacy"' in site.request_text("GET", "/")[1]


# ------------------------------------------------------------------------- what could break it all

#: What the packages that answer visitors may ask of topics. Whatever a visitor names is looked up
#: among the public ones; a topic is read by its id only for whoever has shown a token of theirs.
_VISITORS_FUNCTIONS = {
    *("find_public", "find_public_by_slug", "find_public_by_similar_slug"),
    *("list_public", "list_public_of_questions", "list_page", "get"),
}
#: The operator's pages, which are for no visitor, and show every topic.
_OPERATOR_PAGES = "web/pages/operator/"
#: Who may read a topic by its id.
_TOKEN_HOLDERS = {"alerts/web/pages/alerts_view.py", "alerts/web/feeds/generator.py"}
_VISITORS_PACKAGES = ("web", "feeds", "search", "export")


def list_uses() -> Iterator[tuple[str, str]]:
    """Each function of `alerts.ledger.topics` that a module for visitors uses."""
    root = Path(alerts.__file__).parent
    for package in _VISITORS_PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if path.is_relative_to(root / _OPERATOR_PAGES):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "topics":
                    yield f"alerts/{path.relative_to(root)}", node.attr


@pytest.mark.slow
def test_modules_for_visitors_ask_for_public_topics() -> None:
    uses = set(list_uses())
    assert ("alerts/web/pages/results.py", "find_public") in uses
    assert {name for _, name in uses} <= _VISITORS_FUNCTIONS
    assert {path for path, name in uses if name == "get"} == _TOKEN_HOLDERS


@pytest.mark.slow
def test_a_feed_of_ones_own_is_read_however_many_others_are(watched: WebClient) -> None:
    path = find_own_feed(watched)
    with closing(RateCounts(watched.ledger)) as counts:  # as another server has counted
        everybody = {CountKey(Scope.NETWORK, "127.0.0.0/24"): 99_999}
        counts.add(Limit.FEEDS, Limit.FEEDS.rule.period, everybody, {}, watched.now)
    assert watched.request("GET", "/feeds/queries/feed.json?q=tram")[0] == 429
    assert watched.request("GET", "/feeds/private/made-up.signature.json")[0] == 429
    assert watched.request("GET", f"{path}.json")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("way", ["link", "form"])
def test_files_go_at_once_where_somebody_unsubscribes_on_a_page(site: WebClient, way: str) -> None:
    """The operator had subscribed them, which published the topic."""
    request = SubscriptionRequest(WATCHED, Frequency.DAILY, "all", "command", publishes=True)
    with site.ledger.writing() as connection:
        subscribe(connection, WATCHER, request, SUBSCRIBER_DEFAULTS, site.now)
    site.publish_questions(make_question(1, words=WORDS))
    path = f"/feeds/{build_query_slug(WATCHED)}.atom.xml"
    assert site.request("GET", path)[0] == 200
    page = open_alerts(site)
    if way == "link":
        assert site.request_text("POST", f"/u/{find_person(site).token}")[0] == 200
    else:
        assert site.submit_form(page, page, action="delete")[0] == 200
    assert site.request("GET", path)[0] == 410
