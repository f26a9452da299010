"""The feed writer: stable ids, the same bytes for the same content, and hostile text."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
import msgspec
import pytest
from lxml import etree

from alerts.feeds import ArchivePosition, FeedContext, FeedIdentity, publish_feeds
from alerts.feeds.definitions import define_topic_feed
from alerts.feeds.items import build_items, join_attributions
from alerts.feeds.model import FeedContent, FeedDocuments
from alerts.feeds.rss_atom import build_feed
from alerts.ledger import Ledger
from alerts.ledger.topics import Topic
from alerts.matching import TopicMatcher
from alerts.model import Change, ChangeKind, NumberedChange
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import publish_topic
from crawler.records import Attachment, Meeting, Question, hash_content
from crawler.storage import LocalFolder
from tests.support.samples import make_answer, make_question

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
TOPIC = Topic(1, "query", "VRU", None, "VRU", "VRU", NOW, 0, is_caught_up=False)
IDENTITY = FeedIdentity("Watchword", "watch.example,2026", "https://source.example")
PUBLIC = msgspec.structs.replace(IDENTITY, public_url="https://watch.example")
TEMPLATES = Templates()


def number_change(seq: int, kind: ChangeKind, after: Question) -> NumberedChange:
    return NumberedChange(
        seq, NOW + timedelta(minutes=seq), None, Change(kind, f"digest {seq}", after)
    )


def feed(*changes: NumberedChange, identity: FeedIdentity = PUBLIC) -> FeedDocuments:
    newest_first = sorted(changes, key=lambda change: -change.seq)
    definition = define_topic_feed(TOPIC)
    items = build_items(newest_first, definition.query, identity, templates=TEMPLATES)
    content = FeedContent(tuple(items), join_attributions(newest_first, identity))
    return build_feed(definition.metadata, content, identity, ArchivePosition(0))


ASKED = number_change(1, ChangeKind.ASKED, make_question(1, words="What of the VRU?"))
ANSWERED = number_change(
    2,
    ChangeKind.ANSWERED,
    make_question(1, make_answer("The VRU grows."), words="What of the VRU?"),
)


@pytest.mark.parametrize("kind", ["rss", "atom"])
def test_rss_and_atom_have_the_same_content(kind: str) -> None:
    read = feedparser.parse(getattr(feed(ASKED, ANSWERED), kind))
    assert not read.bozo, read.get("bozo_exception")
    assert [e.title for e in read.entries] == ["Answered: Question 1", "New question: Question 1"]
    assert all(e.link == "https://replica.example/questions/1" for e in read.entries)
    assert read.feed.title == "VRU: Watchword"
    assert b"&lt;mark&gt;VRU&lt;/mark&gt;" in getattr(feed(ANSWERED), kind)
    assert read.entries[0].author == "The Mayor"


def test_ids_do_not_depend_on_title_address_or_text() -> None:
    moved = msgspec.structs.replace(
        ANSWERED.change.after, title="Another title", url="https://new.example/q"
    )
    edited = msgspec.structs.replace(moved, digest=hash_content(moved))
    before = feedparser.parse(feed(ANSWERED).atom).entries[0].id
    after = feedparser.parse(feed(number_change(2, ChangeKind.ANSWERED, edited)).atom).entries[0].id
    assert before == after
    assert before.startswith("tag:watch.example,2026:")
    other = msgspec.structs.replace(PUBLIC, public_url="https://elsewhere.example")
    assert feedparser.parse(feed(ANSWERED, identity=other).atom).entries[0].id == before
    assert feedparser.parse(feed(ANSWERED).rss).entries[0].id == before


def test_the_same_changes_are_the_same_bytes() -> None:
    assert feed(ASKED, ANSWERED) == feed(ASKED, ANSWERED)


def test_links_of_a_feed() -> None:
    rss = etree.fromstring(feed(ASKED).rss)
    assert rss.findtext("channel/link") == "https://watch.example/topic/VRU"
    own = rss.find("channel/{http://www.w3.org/2005/Atom}link")
    assert own is not None
    assert own.get("href") == "https://watch.example/feeds/VRU.rss.xml"
    assert rss.find("channel/item/guid").get("isPermaLink") == "false"
    private = etree.fromstring(feed(ASKED, identity=IDENTITY).rss)
    assert private.findtext("channel/link") == "https://source.example"


@pytest.mark.parametrize("kind", ["rss", "atom"])
@pytest.mark.parametrize(
    "words", ["nul \x00 and \x1b", "\ufffe and \uffff", "]]> <b>bold</b> & <script>", "\x0b\x0c"]
)
def test_hostile_text_breaks_nothing(kind: str, words: str) -> None:
    hostile = make_question(1, words=f"The VRU {words}", title=f"On {words}")
    read = feedparser.parse(getattr(feed(number_change(1, ChangeKind.ASKED, hostile)), kind))
    assert not read.bozo, read.get("bozo_exception")
    assert len(read.entries) == 1


@pytest.mark.parametrize("kind", ["rss", "atom"])
def test_an_empty_feed_is_a_feed(kind: str) -> None:
    read = feedparser.parse(getattr(feed(), kind))
    assert not read.bozo
    assert read.entries == []


class TestFiles:
    def put(self, ledger: Ledger, *readings: Question, baseline: bool = False) -> None:
        with ledger.writing() as connection:
            publish_topic(connection, "VRU", NOW)
            record_readings(
                connection,
                [QuestionReading(r) for r in readings],
                NOW,
                RecordingRules(baseline=baseline),
            )
        TopicMatcher(ledger).match_new_changes()

    def titles(self, folder: Path) -> list[str]:
        return [e.title for e in feedparser.parse((folder / "VRU.rss.xml").read_bytes()).entries]

    def test_files_are_written_only_for_new_changes(self, ledger: Ledger, tmp_path: Path) -> None:
        folder = tmp_path / "feeds"
        self.put(ledger, make_question(1, words="The VRU."))
        assert publish_feeds(ledger, LocalFolder(folder), FeedContext(IDENTITY, TEMPLATES)) == 2
        assert publish_feeds(ledger, LocalFolder(folder), FeedContext(IDENTITY, TEMPLATES)) == 0
        self.put(ledger, make_question(2, words="The VRU."))
        assert publish_feeds(ledger, LocalFolder(folder), FeedContext(IDENTITY, TEMPLATES)) == 2
        assert self.titles(folder) == ["New question: Question 2", "New question: Question 1"]
        assert sorted(p.name for p in folder.iterdir()) == [
            "VRU.atom.xml",
            "VRU.json",
            "VRU.rss.xml",
            *("everything.atom.xml", "everything.json", "everything.rss.xml"),
            "made-for",
        ]

    def test_files_are_written_again_when_the_folder_is_lost(
        self, ledger: Ledger, tmp_path: Path
    ) -> None:
        self.put(ledger, make_question(1, words="The VRU."))
        publish_feeds(ledger, LocalFolder(tmp_path / "one"), FeedContext(IDENTITY, TEMPLATES))
        assert (
            publish_feeds(ledger, LocalFolder(tmp_path / "two"), FeedContext(IDENTITY, TEMPLATES))
            == 2
        )
        one, two = (tmp_path / name / "VRU.rss.xml" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()

    def test_the_baseline_is_in_feeds_and_old_questions_are_not(
        self, ledger: Ledger, tmp_path: Path
    ) -> None:
        self.put(ledger, make_question(1, words="The VRU."), baseline=True)
        old = Meeting(None, date(2018, 12, 20))
        self.put(ledger, make_question(2, words="The VRU.", meeting=old))
        publish_feeds(ledger, LocalFolder(tmp_path), FeedContext(IDENTITY, TEMPLATES))
        # tmp_path exists already, yet the feed was never written.
        assert self.titles(tmp_path) == ["New question: Question 1"]


@pytest.mark.parametrize("kind", ["rss", "atom"])
def test_the_attribution_of_a_source_is_beside_its_text(kind: str) -> None:
    attributions = {"london": "Filler attribution.", "elsewhere": "Never seen here."}
    identity = msgspec.structs.replace(PUBLIC, attributions=attributions)
    with_words = feedparser.parse(getattr(feed(ASKED, ANSWERED, identity=identity), kind))
    assert with_words.feed.rights == "Filler attribution."
    assert "rights" not in feedparser.parse(getattr(feed(identity=identity), kind)).feed


def test_a_written_question_has_a_date_and_no_meeting() -> None:
    tabled = make_question(1, words="What of the VRU?", meeting=Meeting(None, date(2026, 7, 3)))
    written = feed(number_change(1, ChangeKind.ASKED, tabled)).atom.decode()
    assert "3 July 2026" in written
    assert "meeting of" not in written.lower()
    assert "Meeting of 16 July 2026" in feed(ASKED).atom.decode()


def test_the_json_feed_is_valid() -> None:
    """https://www.jsonfeed.org/version/1.1/: the required members, and the ids of the other
    formats."""
    changed = make_question(2, make_answer("About VRU.", files=("list.pdf",)))
    made = feed(
        number_change(2, ChangeKind.ANSWERED, changed),
        number_change(1, ChangeKind.ASKED, make_question(1)),
    )
    found = json.loads(made.json)
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["feed_url"].endswith("/feeds/VRU.json")
    assert found["title"]
    for item in found["items"]:
        assert item["content_html"]
        assert datetime.fromisoformat(item["date_published"]).tzinfo is not None
    assert found["items"][0]["attachments"] == [
        {
            "url": "https://replica.example/files/list.pdf",
            "title": "list.pdf",
            "mime_type": "application/pdf",
        }
    ]
    atom = feedparser.parse(made.atom)
    assert [item["id"] for item in found["items"]] == [entry.id for entry in atom.entries]
    assert [item["title"] for item in found["items"]] == [entry.title for entry in atom.entries]
    assert [item["url"] for item in found["items"]] == [entry.link for entry in atom.entries]


def test_a_description_says_what_was_asked_and_answered() -> None:
    answer = make_answer("The cost would be as follows.", "Estate | Cost", "North | 5", "South | 6")
    after = make_question(1, answer, words="What does it cost?", title="The VRU")
    described = feedparser.parse(feed(number_change(1, ChangeKind.ANSWERED, after)).rss).entries[0]
    assert described.summary == (
        "Question: What does it cost? Answer: The cost would be as follows. "
        "[Table of 2 rows: Estate, Cost]"
    )
    [item] = json.loads(feed(number_change(1, ChangeKind.ASKED, after)).json)["items"]
    assert item["summary"] == "Question: What does it cost?"


def test_sources_are_categories_where_there_are_several() -> None:
    other = make_question(2, words="And the VRU?", source="uk-parliament")
    both = feed(ASKED, number_change(2, ChangeKind.ASKED, other))
    for document in (both.rss, both.atom):
        terms = [[tag.term for tag in e.tags] for e in feedparser.parse(document).entries]
        assert terms == [["uk-parliament"], ["london"]]
    assert json.loads(both.json)["items"][0]["tags"] == ["uk-parliament"]
    urls = {"london": "https://city.example/questions", "uk-parliament": "https://members.example"}
    named = feed(ASKED, identity=msgspec.structs.replace(PUBLIC, site_urls=urls))
    assert feedparser.parse(named.rss).entries[0].tags[0].term == "city.example"
    assert "tags" not in feedparser.parse(feed(ASKED).rss).entries[0]


@pytest.mark.parametrize("url", ["https://city.example/questions/1", None])
def test_links_are_absolute_and_encoded(url: str | None) -> None:
    answer = msgspec.structs.replace(
        make_answer("The VRU: A."),
        html='<p>The VRU: <a href="/files/a b.pdf">A</a></p>',
        attachments=(Attachment("Plan", "/files/plan 1.pdf"),),
    )
    identity = msgspec.structs.replace(PUBLIC, site_urls={"london": "https://city.example"})
    change = number_change(1, ChangeKind.ANSWERED, make_question(1, answer, url=url))
    [item] = json.loads(feed(change, identity=identity).json)["items"]
    assert 'href="https://city.example/files/a%20b.pdf"' in item["content_html"]
    assert 'href="https://city.example/files/plan%201.pdf"' in item["content_html"]
    assert item["attachments"][0]["url"] == "https://city.example/files/plan%201.pdf"


def test_titles_are_shown_as_they_are_written() -> None:
    turned = make_question(1, words="What of the VRU?", title="VRU \u202efdp.exe\u2066")
    nameless = make_question(2, words="What of the VRU?", title=None)
    made = feed(
        number_change(1, ChangeKind.ASKED, turned), number_change(2, ChangeKind.ASKED, nameless)
    )
    titles = ["New question: What of the VRU?", "New question: VRU fdp.exe"]
    for document in (made.rss, made.atom, made.json):
        assert not {"\u202e", "\u2066"} & set(document.decode())
    assert [e.title for e in feedparser.parse(made.rss).entries] == titles


def test_an_answer_links_to_the_questions_that_it_refers_to(ledger: Ledger, tmp_path: Path) -> None:
    known = make_question(1, title="Piers")
    answer = make_answer("The VRU: please see Question 2026/0001.")
    with ledger.writing() as connection:
        publish_topic(connection, "VRU", NOW)
        readings = [QuestionReading(known), QuestionReading(make_question(2, answer))]
        record_readings(connection, readings, NOW, RecordingRules())
    TopicMatcher(ledger).match_new_changes()
    publish_feeds(ledger, LocalFolder(tmp_path), FeedContext(PUBLIC, TEMPLATES))
    items = json.loads((tmp_path / "VRU.json").read_text())["items"]
    link = '<a href="https://replica.example/questions/1">2026/0001, Piers</a>'
    assert any(link in item["content_html"] for item in items)
