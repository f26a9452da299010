"""The rules that feeds must keep, checked on what is served over HTTP.

RSS 2.0 and its Best Practices Profile, RFC 4287 (Atom), RFC 5005, JSON Feed 1.1, RFC 9110, WebSub.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import feedparser
import msgspec
import pytest
from lxml import etree

from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import open_ledger, publication, topics
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.subscribers import publish_topic
from crawler.records import Answer, Asker
from crawler.storage import LocalFolder
from tests.support.empty_ledger import open_empty_ledger
from tests.support.samples import make_answer, make_question
from tests.support.web_client import FEED_IDENTITY, TEMPLATES, WebClient, run_web_client

ATOM = "{http://www.w3.org/2005/Atom}"
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
RFC_822 = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
TABLE = "<p>As follows.</p><table><tr><th>Year</th><td>2026</td></tr></table>"
NAMES = ("rss.xml", "atom.xml", "json")
NOON = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)


def tabled() -> Answer:
    answer = make_answer("As follows.", "Year | 2026", files=("list.pdf", "map.png"))
    return msgspec.structs.replace(answer, html=f"{TABLE}<script>alert(1)</script><img src=x>")


def filled(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        topic = topics.ensure(connection, "VRU", "VRU", pages.now)
        publication.decide(connection, topic.id, "published")
        publication.publish_named(connection, topic.id, "VRU <&> co", pages.now)
    pages.publish_questions(
        make_question(1, words="Of the VRU?", title="On <b>tags</b> & signs \x0c")
    )
    pages.now += timedelta(hours=1)
    pages.publish_questions(
        make_question(1, tabled(), words="Of the VRU?", title="On <b>tags</b> & signs \x0c")
    )
    pages.now += timedelta(hours=1)
    pages.publish_questions(*(make_question(n, words="Of the VRU?") for n in range(2, 60)))


@pytest.fixture(scope="module")
def fed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger and its feeds, of which each test has a copy."""
    folder = tmp_path_factory.mktemp("fed")
    ledger = open_empty_ledger(folder / "ledger.sqlite3")
    with run_web_client(ledger, NOON, folder / "feeds") as pages:
        filled(pages)
    ledger.engine.dispose()  # nothing waits beside the file
    return folder


@pytest.fixture
def fed(fed_folder: Path, tmp_path: Path) -> Iterator[WebClient]:
    copy = Path(shutil.copytree(fed_folder, tmp_path / "fed"))
    ledger = open_ledger(f"sqlite:///{copy / 'ledger.sqlite3'}")
    with run_web_client(ledger, NOON + timedelta(hours=2), copy / "feeds") as pages:
        yield pages
    ledger.engine.dispose()


def slug(pages: WebClient) -> str:
    with pages.ledger.reading() as connection:
        return topics.list_all(connection)[0].slug


def every_feed(pages: WebClient) -> list[str]:
    return [
        *(f"/feeds/{slug(pages)}", "/feeds/everything", "/feeds/members/ada-brook"),
        "/feeds/questions/london:/questions/1",
    ]


def body(pages: WebClient, path: str) -> bytes:
    status, _, found = pages.request("GET", path)
    assert status == 200, (path, found)
    return found


def test_rss(fed: WebClient) -> None:
    for name in every_feed(fed):
        found = body(fed, f"{name}.rss.xml")
        channel = etree.fromstring(found).find("channel")
        assert channel is not None
        for needed in ("title", "link", "description"):
            assert channel.findtext(needed)
        page = channel.findtext("link") or ""
        assert page.startswith("https://watch.example/")
        assert "/feeds/" not in page
        links = [(link.get("rel"), link.get("href")) for link in channel.iter(f"{ATOM}link")]
        assert links == [("self", f"https://watch.example{name}.rss.xml")]
        guids = [guid.text for guid in channel.iter("guid")]
        assert len(set(guids)) == len(guids) > 0
        assert {guid.get("isPermaLink") for guid in channel.iter("guid")} == {"false"}
        for date in [*channel.iter("pubDate"), *channel.iter("lastBuildDate")]:
            assert re.fullmatch(
                r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", date.text or ""
            )
        for item in channel.iter("item"):
            plain = item.findtext("description") or ""
            assert "<p>" not in plain
            assert "<p>" in (
                item.findtext("{http://purl.org/rss/1.0/modules/content/}encoded") or ""
            )
        titles = re.findall(rb"<title>(.*?)</title>", found)
        assert not [title for title in titles if re.search(rb"&(?:lt|gt|amp);", title)]


def test_atom(fed: WebClient) -> None:
    for name in every_feed(fed):
        feed = etree.fromstring(body(fed, f"{name}.atom.xml"))
        for needed in ("id", "title", "updated"):
            assert feed.findtext(f"{ATOM}{needed}")
        assert feed.find(f"{ATOM}author/{ATOM}name") is not None
        ids = [entry.findtext(f"{ATOM}id") for entry in feed.iter(f"{ATOM}entry")]
        assert len(set(ids)) == len(ids) > 0
        moments = []
        for entry in feed.iter(f"{ATOM}entry"):
            assert entry.find(f"{ATOM}content").get("type") == "html"
            moments.append(datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or ""))
            assert entry.findtext(f"{ATOM}title")
        assert all(moment.tzinfo for moment in moments)
        assert moments == sorted(moments, reverse=True)
        assert feed.findtext(f"{ATOM}updated") == entry_moment(feed)
        links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
        assert links["self"] == f"https://watch.example{name}.atom.xml"
        assert links["alternate"].startswith("https://watch.example/")


def entry_moment(feed: Any) -> str | None:
    found: str | None = feed.find(f"{ATOM}entry").findtext(f"{ATOM}updated")
    return found


def test_json_feed(fed: WebClient) -> None:
    for name in every_feed(fed):
        feed = json.loads(body(fed, f"{name}.json"))
        assert feed["version"] == "https://jsonfeed.org/version/1.1"
        assert feed["title"]
        assert feed["feed_url"] == f"https://watch.example{name}.json"
        for item in feed["items"]:
            assert isinstance(item["id"], str)
            assert item["content_html"]
            assert datetime.fromisoformat(item["date_published"]).tzinfo


@pytest.mark.slow
def test_all_formats_have_the_same_items_and_feedparser_reads_them(fed: WebClient) -> None:
    for name in every_feed(fed):
        rss, atom = (feedparser.parse(body(fed, f"{name}.{end}")) for end in NAMES[:2])
        assert not rss.bozo
        assert not atom.bozo
        json_feed = json.loads(body(fed, f"{name}.json"))
        ids = [item["id"] for item in json_feed["items"]]
        assert ids == [e.id for e in rss.entries] == [e.id for e in atom.entries]


def test_content_is_complete_and_harmless(fed: WebClient) -> None:
    [one] = [
        item
        for item in json.loads(body(fed, "/feeds/questions/london:/questions/1.json"))["items"]
        if item["title"].startswith("Answered")
    ]
    assert "<table>" in one["content_html"]
    assert "<script" not in one["content_html"]
    assert "<img" not in one["content_html"]
    assert [file["mime_type"] for file in one["attachments"]] == ["application/pdf", "image/png"]
    for ending in ("rss.xml", "atom.xml"):
        found = body(fed, f"/feeds/questions/london:/questions/1.{ending}")
        assert b"\x0c" not in found
        assert b"<script" not in found
        [entry] = [e for e in feedparser.parse(found).entries if e.title.startswith("Answered")]
        assert entry.enclosures[0].href == "https://replica.example/files/list.pdf"
    asked = feedparser.parse(body(fed, "/feeds/questions/london:/questions/1.atom.xml")).entries
    assert len({entry.id for entry in asked}) == 2  # asked and answered


@pytest.mark.parametrize(
    ("only", "titles"),
    [
        ("asked", ["New question"]),
        ("answered", ["Answered"]),
        ("latest", ["Answered"]),
    ],
)
def test_a_filtered_feed_has_one_kind(fed: WebClient, only: str, titles: list[str]) -> None:
    path = f"/feeds/questions/london:/questions/1.atom.xml?only={only}"
    feed = feedparser.parse(body(fed, path))
    assert [entry.title.partition(":")[0] for entry in feed.entries] == titles
    assert {link.rel: link.href for link in feed.feed.links}["self"].endswith(path)
    whole = feedparser.parse(body(fed, path.partition("?")[0]))
    assert feed.feed.id != whole.feed.id
    assert fed.request_text("GET", f"{path}x")[0] == 400


@pytest.mark.slow
def test_ids_survive_a_new_title_and_a_new_public_address(fed: WebClient, tmp_path: Any) -> None:
    def ids(pages: WebClient) -> list[str]:
        feed = feedparser.parse(body(pages, "/feeds/questions/london:/questions/1.atom.xml"))
        return [feed.feed.id, *(entry.id for entry in feed.entries)]

    before = ids(fed)
    moved = msgspec.structs.replace(FEED_IDENTITY, public_url="https://elsewhere.example")
    renamed = msgspec.structs.replace(
        make_question(1, tabled(), words="Of the VRU?", title="Something else"),
        url="https://new.example/",
    )
    fed.publish_questions(renamed)
    with run_web_client(fed.ledger, fed.now, tmp_path / "other", feed_identity=moved) as other:
        after = ids(other)
    assert after[-len(before) + 1 :] == before[1:]
    assert after[0] == before[0]
    assert not [
        one for one in after if "tags" in one or "question" in one or "watch.example/" in one
    ]


def test_conditional_requests(fed: WebClient) -> None:
    for path in (f"/feeds/{slug(fed)}.atom.xml", "/feeds/members/ada-brook.rss.xml"):
        status, headers, first = fed.request("GET", path)
        assert status == 200
        tag, modified = headers["ETag"], headers["Last-Modified"]
        assert re.fullmatch('"[0-9a-f]{32}"', tag)
        assert parsedate_to_datetime(modified).tzinfo
        assert headers["Cache-Control"] == "public, max-age=300"
        for asked, expected in (
            ({"If-None-Match": tag}, 304),
            ({"If-None-Match": f'"x", W/{tag}'}, 304),
            ({"If-None-Match": "*"}, 304),
            ({"If-None-Match": '"x"'}, 200),
            ({"If-Modified-Since": modified}, 304),
            ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
            ({"If-Modified-Since": "yesterday"}, 200),
            ({"If-Modified-Since": f"Thu, 16 Jul {'9' * 20} 12:00:00 GMT"}, 200),
            # If-None-Match takes precedence (RFC 9110, section 13.2.2).
            ({"If-None-Match": '"x"', "If-Modified-Since": modified}, 200),
        ):
            status, headers, again = fed.request("GET", path, headers=asked)
            assert status == expected, asked
            assert again == (b"" if expected == 304 else first)
            assert headers["ETag"] == tag
            assert headers["Cache-Control"] == "public, max-age=300"


def test_text_of_a_source_is_not_markup_in_rss(site: WebClient) -> None:
    """A description in RSS is HTML, so plain text must be escaped."""
    text = "Is <img src=https://spy.example/x> below <50 g & more of the VRU?"
    site.publish_questions(make_question(1, words=text))
    _, _, rss = site.request("GET", "/feeds/everything.rss.xml")
    description = etree.fromstring(rss).findtext("channel/item/description")
    assert "<" not in description
    _, _, rss = site.request("GET", "/feeds/queries/feed.rss.xml?q=VRU+%22%3Cb%3Emore%22")
    assert "<" not in etree.fromstring(rss).findtext("channel/description")
    entry = feedparser.parse(site.request("GET", "/feeds/everything.atom.xml")[2]).entries[0]
    assert entry.summary


def test_a_topic_may_have_the_name_of_one_of_our_paths(site: WebClient) -> None:
    with site.ledger.writing() as connection:
        for word in ("members", "questions", "queries"):
            publish_topic(connection, word, site.now)
    site.publish_questions(make_question(1, words="Members, queries and questions?"))
    for word in ("members", "questions", "queries"):
        status, _, atom = site.request("GET", f"/feeds/{word}.atom.xml?only=asked")
        assert status == 200
        assert len(feedparser.parse(atom).entries) == 1


def test_a_member_name_may_have_any_letter(site: WebClient) -> None:
    asker = Asker("Ada Brołk", "Ada Brołk AM", None, "ada-brołk")
    site.publish_questions(make_question(1, asked_by=asker))
    for ending in NAMES:
        status, headers, body = site.request("GET", f"/feeds/members/ada-bro%C5%82k.{ending}")
        assert status == 200
        assert "https://watch.example/feeds/members/ada-bro%C5%82k" in headers["Link"]
        assert "ada-bro%C5%82k" in body.decode()


@pytest.mark.slow
def test_a_feed_built_on_request_has_changes_that_are_matched_later(site: WebClient) -> None:
    """A change is in the ledger before it is matched, and before its text is indexed."""
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    paths = ("/feeds/VRU.atom.xml?only=asked", "/feeds/queries/feed.atom.xml?q=bench")
    site.publish_questions(make_question(1, words="Of the VRU, on a bench?"))
    with site.ledger.writing() as connection:
        new = make_question(2, words="Of the VRU, on a bench?")
        record_readings(connection, [QuestionReading(new)], site.now, RecordingRules())
    for path in paths:
        assert len(feedparser.parse(site.request("GET", path)[2]).entries) == 1
    site.publish_questions()
    time.sleep(1.1)
    for path in paths:
        assert len(feedparser.parse(site.request("GET", path)[2]).entries) == 2


@pytest.mark.slow
def test_the_archive_of_a_member_feed_is_complete(fed: WebClient) -> None:
    path, seen = "/feeds/members/ada-brook.atom.xml", set()
    while path:
        status, _, body = fed.request("GET", path)
        assert status == 200
        feed = feedparser.parse(body)
        seen |= {entry.id for entry in feed.entries}
        links = {link.rel: link.href for link in feed.feed.links}
        assert links["self"].endswith(path)
        assert "hub" not in links
        path = links.get("prev-archive", "").removeprefix("https://watch.example")
    assert len(seen) == 60  # of 59 questions, one of them answered
    assert fed.request("GET", "/feeds/members/ada-brook.2.atom.xml")[0] == 404


def test_unknown_parameters_do_not_change_a_feed(fed: WebClient) -> None:
    path = f"/feeds/{slug(fed)}.atom.xml"
    tag = fed.request("GET", path)[1]["ETag"]
    assert fed.request("GET", f"{path}?utm_source=x&1")[1]["ETag"] == tag


def test_content_encoding_and_head(fed: WebClient) -> None:
    path = f"/feeds/{slug(fed)}.rss.xml"
    _, plain, whole = fed.request("GET", path)
    _, packed, small = fed.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(small) == whole
    assert len(small) < len(whole) / 2
    assert packed["ETag"] != plain["ETag"]
    assert packed["Vary"] == plain["Vary"] == "Accept-Encoding"
    for refusing in ("gzip;q=0", "identity, gzip; q=0.0", "br"):
        _, unpacked, _ = fed.request("GET", path, headers={"Accept-Encoding": refusing})
        assert "Content-Encoding" not in unpacked, refusing
    _, weighed, _ = fed.request("GET", path, headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
    assert weighed["Content-Encoding"] == "gzip"
    known = {"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]}
    assert fed.request("GET", path, headers=known)[0] == 304
    status, headers, nothing = fed.request("HEAD", path)
    assert (status, nothing, headers["Content-Length"]) == (200, b"", str(len(whole)))
    assert fed.request_text("POST", path)[0] in {403, 405}
    assert fed.request_text("DELETE", path)[0] == 405


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("rss.xml", "application/rss+xml"),
        ("atom.xml", "application/atom+xml"),
        ("json", "application/feed+json"),
    ],
)
def test_media_types(fed: WebClient, ending: str, kind: str) -> None:
    _, headers, found = fed.request("GET", f"/feeds/everything.{ending}")
    assert headers["Content-Type"] == f"{kind}; charset=utf-8"
    if ending != "json":
        assert found.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")


def test_a_feed_has_the_same_bytes_until_something_changes(fed: WebClient) -> None:
    paths = [f"{name}.{end}" for name in every_feed(fed) for end in NAMES]
    before = {path: body(fed, path) for path in paths}
    fed.now += timedelta(days=3)
    publish_feeds(fed.ledger, LocalFolder(fed.folder), FeedContext(FEED_IDENTITY, TEMPLATES))
    assert {path: body(fed, path) for path in paths} == before


def test_pages_of_the_archive(fed: WebClient) -> None:
    name = f"/feeds/{slug(fed)}"
    feed = feedparser.parse(body(fed, f"{name}.atom.xml"))
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["prev-archive"] == f"https://watch.example{name}.1.atom.xml"
    first = body(fed, f"{name}.1.atom.xml")
    assert b"fh:archive" in first
    (fed.folder / f"{slug(fed)}.1.atom.xml").unlink()
    assert body(fed, f"{name}.1.atom.xml") == first  # built on request
    for wrong in ("2.atom.xml", "1.rss.xml", "0.atom.xml", "999999.atom.xml"):
        assert fed.request_text("GET", f"{name}.{wrong}")[0] == 404


def test_a_typed_query_has_a_feed(fed: WebClient) -> None:
    path = "/feeds/queries/feed.atom.xml?q=%22of+the%22+question%3Avru"
    fed.request_text("GET", path)
    for path in ("feed.atom.xml?q=tags", "feed.atom.xml?q=tags&only=asked"):
        feed = feedparser.parse(body(fed, f"/feeds/queries/{path}"))
        own = {link.rel: link.href for link in feed.feed.links}["self"]
        assert own == f"https://watch.example/feeds/queries/{path}"
    status, text = fed.request_text("GET", "/feeds/queries/feed.atom.xml?q=tags")
    assert status == 200
    assert [e.title.partition(":")[0] for e in feedparser.parse(text).entries] == [
        "Answered",
        "New question",
    ]
    status, headers, _ = fed.request("GET", "/feeds/queries/feed.json?q=VRU")
    assert (status, headers["Location"]) == (302, f"/feeds/{slug(fed)}.json")  # it is a topic
    assert fed.request_text("GET", "/feeds/queries/feed.atom.xml?q=%22half")[0] == 400
    assert fed.request_text("GET", "/feeds/queries/feed.atom.xml")[0] == 400


@pytest.mark.slow
def test_a_change_is_seen_within_a_second(fed: WebClient) -> None:
    path = "/feeds/members/ada-brook.json"
    before = json.loads(body(fed, path))["items"]
    fed.now += timedelta(hours=1)
    fed.publish_questions(make_question(77, words="Of benches?"))
    deadline = datetime.now() + timedelta(seconds=10)  # noqa: DTZ005  # only to wait for
    while (after := json.loads(body(fed, path))["items"]) == before:
        assert datetime.now() < deadline  # noqa: DTZ005
    assert after[0]["title"] == "New question: Question 77"


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/",
        "/feeds/no-such-topic.rss.xml",
        "/feeds/members/nobody.rss.xml",
        "/feeds/questions/london:/questions/999.rss.xml",
        "/feeds/../ledger.sqlite3",
        "/feeds/%2e%2e/ledger.sqlite3",
        "/feeds/..%2fledger.sqlite3",
        "/feeds/.everything.json.new",
        "/feeds/everything.txt",
        "/feeds/%00.json",
    ],
)
def test_an_unknown_feed_is_not_found(fed: WebClient, path: str) -> None:
    assert fed.request_text("GET", path)[0] == 404


@pytest.mark.slow
def test_a_hub_is_named_in_every_format(site: WebClient, tmp_path: Any) -> None:
    hub = "https://hub.example/"
    identity: FeedIdentity = msgspec.structs.replace(FEED_IDENTITY, hub=hub)
    with run_web_client(site.ledger, site.now, tmp_path / "feeds", feed_identity=identity) as pages:
        filled(pages)
        publish_feeds(
            pages.ledger, LocalFolder(tmp_path / "named"), FeedContext(identity, TEMPLATES)
        )
        name = f"{slug(pages)}"
        rss = etree.fromstring((tmp_path / "named" / f"{name}.rss.xml").read_bytes())
        atom = etree.fromstring((tmp_path / "named" / f"{name}.atom.xml").read_bytes())
        for found in (rss, atom):
            assert hub in [link.get("href") for link in found.iter(f"{ATOM}link")]
        json_feed = json.loads((tmp_path / "named" / f"{name}.json").read_bytes())
        assert json_feed["hubs"] == [{"type": "WebSub", "url": hub}]
        _, headers, _ = pages.request("GET", f"/feeds/{name}.rss.xml")
        own = f'<https://watch.example/feeds/{name}.rss.xml>; rel="self"'
        assert headers["Link"] == f'{own}, <{hub}>; rel="hub"'
        # The hub is not notified of feeds built on request, so they do not name it.
        _, headers, made = pages.request("GET", "/feeds/members/ada-brook.atom.xml")
        assert hub not in headers["Link"]
        assert hub.encode() not in made
