"""A name made of common words is found whole: by the page, the API, the feed and the export."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import unescape
from http.client import HTTPConnection, IncompleteRead
from io import StringIO
from pathlib import Path
from urllib.parse import quote_plus

import feedparser
import pytest
from sqlalchemy import text

from alerts.feeds import FeedContext, ListedChanges, build_newest_page, find_feed
from alerts.ledger import open_ledger
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import index_questions
from crawler.records import Meeting, decode_question
from tests.support.empty_ledger import open_empty_ledger
from tests.support.samples import make_question
from tests.support.web_client import FEED_IDENTITY, TEMPLATES, WebClient, run_web_client

APART = "Is the road by the high school in Tottenham safe?"
PLACE = "Is Tottenham High Road safe?"
NEWER, OLDER = 110, 40
#: Questions of an export: more than it finds at once, and eleven times as many as it reads at once.
EXPORTED = 109
#: Makes an export of them larger than what waits in the buffers of a connection. It has no words.
RULE = " " + "-" * 20_000
QUERIES = ['"High Road"', '"Tottenham High Road"', "tottenham NEAR/1 road", "question:high-road"]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth as many are found and read at once, so that few questions fill several batches."""
    monkeypatch.setattr("alerts.search.search._CANDIDATE_BATCH", 100)
    monkeypatch.setattr("alerts.search.search._DECISION_BATCH", 5)
    monkeypatch.setattr("alerts.web.api.exports._PAGE_SIZE", 100)
    monkeypatch.setattr("alerts.web.api.exports._BATCH_SIZE", 10)


def fill(pages: WebClient) -> None:
    """Older questions have the name of the place; many newer ones have its words apart."""
    old, new = Meeting(None, date(2025, 3, 4)), Meeting(None, date(2026, 7, 2))
    pages.publish_questions(
        *(make_question(n, words=PLACE, meeting=old) for n in range(1, OLDER + 1)),
        *(make_question(n, words=APART, meeting=new) for n in range(OLDER + 1, OLDER + NEWER)),
        baseline=True,
    )


@pytest.fixture(scope="module")
def filled_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger with many questions that all have the name of the place."""
    path = tmp_path_factory.mktemp("filled") / "ledger.sqlite3"
    ledger = open_empty_ledger(path)
    made = [make_question(n, words=PLACE + RULE) for n in range(1, EXPORTED + 1)]
    with ledger.writing() as connection:
        readings = [QuestionReading(question) for question in made]
        record_readings(connection, readings, datetime(2026, 7, 16, tzinfo=UTC), RecordingRules())
    index_questions(ledger)
    ledger.engine.dispose()  # nothing waits beside the file
    return path


@pytest.fixture
def filled(filled_ledger: Path, now: datetime, tmp_path: Path) -> Iterator[WebClient]:
    """The pages over a copy of that ledger."""
    copy = tmp_path / "ledger.sqlite3"
    shutil.copyfile(filled_ledger, copy)
    ledger = open_ledger(f"sqlite:///{copy}")
    with run_web_client(ledger, now, tmp_path / "feeds") as found:
        yield found
    ledger.engine.dispose()


def get(pages: WebClient, path: str) -> str:
    status, text = pages.request_text("GET", path)
    assert status == 200, text
    return text


@pytest.mark.slow
def test_a_place_name_of_common_words_is_found_everywhere(pages: WebClient) -> None:
    fill(pages)
    expected = sorted(f"london:/questions/{n}" for n in range(1, OLDER + 1))
    for query in QUERIES:
        assert sorted(read_pages(pages, query)) == expected
        assert sorted(read_api(pages, query)) == expected
        feed = feedparser.parse(get(pages, f"/feeds/queries/feed.atom.xml?q={quote_plus(query)}"))
        assert len(feed.entries) == OLDER
        lines = get(pages, f"/api/v1/export.jsonl?q={quote_plus(query)}").splitlines()
        assert sorted(decode_question(line).id for line in lines) == expected


def read_pages(pages: WebClient, query: str) -> list[str]:
    """Return the ids of the questions on all pages of results, from link to link."""
    ids: list[str] = []
    link: str | None = f"/search?q={quote_plus(query)}"
    while link is not None:
        html = get(pages, link)
        ids += [unescape(found) for found in re.findall(r'href="/question/([^"]+)"', html)]
        following = re.search(r'rel="next" href="([^"]+)">', html)
        # Nothing is denied while there is a page to come.
        title, heading, *_ = re.findall(r"<(?:title|h1)[^>]*>(.*?)</(?:title|h1)>", html, re.DOTALL)
        assert following is None or not re.search(r"\b0 questions|No questions m", title + heading)
        link = unescape(following[1]) if following else None
    return ids


def read_api(pages: WebClient, query: str) -> list[str]:
    """Return the ids of all results; the last page knows the total, and none says too much."""
    ids: list[str] = []
    total = 0
    cursor: str | None = "0"
    while cursor is not None:
        path = f"/api/v1/questions?q={quote_plus(query)}&limit=9&cursor={quote_plus(cursor)}"
        page = json.loads(get(pages, path))
        ids += [record["id"] for record in page["questions"]]
        cursor, total = page["next"], page["total"]
        assert len(ids) <= total <= OLDER
        assert cursor or not page["is_at_least"]
    assert total == len(ids)
    return ids


def test_a_cursor_that_was_not_given_is_refused(site: WebClient) -> None:
    site.publish_questions(make_question(1, words=PLACE))
    status, text = site.request_text("GET", "/api/v1/questions?q=road&cursor=7")
    assert (status, "expected `next` of the last response" in text) == (400, True)
    status, text = site.request_text("GET", "/search?q=road&after=7")
    assert (status, "Search again" in text) == (400, True)


@pytest.mark.parametrize(
    ("typed", "is_linked"), [("a'b", False), ("knief crime", True), ('"knief crime"', True)]
)
def test_no_link_leads_to_a_query_that_is_refused(
    site: WebClient, typed: str, is_linked: bool
) -> None:
    """``a'b`` is closest to "a", with which alone nearly everything would be found."""
    site.publish_questions(make_question(1, words="A knife and a crime, a bus or a tram."))
    html = get(site, f"/search?q={quote_plus(typed)}")
    links = [unescape(link) for link in re.findall(r'href="(/search\?q=[^"]+)"', html)]
    for link in links:
        get(site, link)
    assert any("knife" in link for link in links) is is_linked


@pytest.mark.slow
def test_a_suggestion_keeps_the_rest_of_the_query(site: WebClient) -> None:
    long = "The Violence Reduction Unit (VRU) met about knives."
    only_long = make_question(4, words="The violence reduction unit met about knives.")
    site.publish_questions(*(make_question(n, words=long) for n in range(1, 4)), only_long)
    html = get(site, f"/search?q={quote_plus('VRU knife')}")
    [wider] = re.findall(r'href="([^"]*)">Include it', html)
    # Without the brackets it would find the long form without any knife.
    assert '("violence reduction unit" OR VRU) knife' in unescape(get(site, unescape(wider)))


@pytest.mark.slow
def test_an_empty_feed_says_from_when_it_counts(site: WebClient) -> None:
    site.publish_questions(
        make_question(1, words="Is the tram late?", meeting=Meeting(None, date(2018, 12, 20)))
    )
    site.publish_questions(make_question(2, words="Is the bus late?"))
    for name in ("rss.xml", "atom.xml", "json"):
        body = get(site, f"/feeds/queries/feed.{name}?q=tram")
        assert "Nothing new since 16 July 2026" in body
        assert "https://watch.example/search?q=tram" in body
    assert "Nothing new" not in get(site, "/feeds/queries/feed.atom.xml?q=bus")
    assert "1 question mentions <mark>tram</mark>" in get(site, "/search?q=tram")


@pytest.mark.slow
def test_an_export_is_whole_and_named_after_its_query(filled: WebClient) -> None:
    status, headers, body = filled.request("GET", "/api/v1/export.csv?q=%22High+Road%22+Si%C3%A2n")
    assert status == 200
    disposition = str(headers["Content-Disposition"])
    assert 'filename="high-road-si_n.csv"' in disposition
    assert "filename*=UTF-8''high-road-si%C3%A2n.csv" in disposition
    _, headers, body = filled.request("GET", "/api/v1/export.csv?q=%22High+Road%22")
    assert headers["Content-Disposition"] == 'attachment; filename="high-road.csv"'
    assert headers["X-Total-Count"] == str(EXPORTED)
    rows = list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))
    assert len({row["id"] for row in rows}) == len(rows) == EXPORTED


def test_a_feed_that_is_not_whole_says_so(site: WebClient) -> None:
    site.publish_questions(*(make_question(n, words=PLACE) for n in range(1, 4)))
    listed = ListedChanges([2, 1], is_complete=False)
    with site.ledger.reading() as connection:
        definition = find_feed(connection, "queries/feed", "tottenham NEAR/1 high")
        assert definition is not None
        context = FeedContext(FEED_IDENTITY, TEMPLATES)
        feed = build_newest_page(connection, definition, listed, context)
    titles = [entry.title for entry in feedparser.parse(feed.atom).entries]
    assert titles[-1] == "This feed does not show all older questions"
    assert len(titles) == 3


@pytest.mark.slow
def test_an_export_that_breaks_is_no_whole_file(filled: WebClient) -> None:
    """The database loses a table while the rows are sent."""
    connection = HTTPConnection(filled.url.removeprefix("http://"), timeout=20)
    connection.request("GET", "/api/v1/export.jsonl?q=road")
    response = connection.getresponse()
    assert response.status == 200
    response.read(1000)
    with filled.ledger.writing() as ledger:
        ledger.execute(text("ALTER TABLE indexed_question RENAME TO lost"))
    with pytest.raises((IncompleteRead, ConnectionError)):
        response.read()
    connection.close()
