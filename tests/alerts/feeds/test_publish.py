"""The step from match to feed files: only for new changes, and again when they are lost."""

from __future__ import annotations

import hashlib
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import feedparser
import msgspec
import pytest

from alerts.errors import WatchwordError
from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.feeds.definitions import FEED_PAGE_SIZE
from alerts.feeds.publish import FeedPublisher
from alerts.ledger import Ledger, feeds, notices
from alerts.matching import TopicMatcher
from alerts.model import NoticeKind
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import hide_topic, publish_topic
from crawler.records import Attachment, Meeting, Question
from crawler.storage import LocalFolder
from tests.support.samples import make_answer, make_question
from tests.support.web_client import FEED_IDENTITY, WebClient

IDENTITY = FeedIdentity("Watchword", "watch.example,2026", "https://source.example")
TEMPLATES = Templates()
FILES = [
    *("VRU.atom.xml", "VRU.json", "VRU.rss.xml"),
    *("benches.atom.xml", "benches.json", "benches.rss.xml"),
    *("everything.atom.xml", "everything.json", "everything.rss.xml"),
]
IDENTITY_FILE = "made-for"


def record(ledger: Ledger, now: datetime, *readings: Question, baseline: bool = False) -> None:
    with ledger.writing() as connection:
        publish_topic(connection, "VRU", now)
        publish_topic(connection, "benches", now)
        record_readings(
            connection,
            [QuestionReading(r) for r in readings],
            now,
            RecordingRules(baseline=baseline),
        )
    TopicMatcher(ledger).match_new_changes()


def publish(ledger: Ledger, folder: Path) -> int:
    return publish_feeds(ledger, LocalFolder(folder), FeedContext(IDENTITY, TEMPLATES))


def read_state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return bytes, inode and time of each file: replacing a file with the same bytes shows too."""
    found = {path.name: (path.read_bytes(), path.stat()) for path in folder.iterdir()}
    return {name: (body, s.st_ino, s.st_mtime_ns) for name, (body, s) in found.items()}


def read_titles(path: Path) -> list[str]:
    return [entry.title for entry in feedparser.parse(path.read_bytes()).entries]


def test_no_file_is_touched_without_a_new_change(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    folder = tmp_path / "deep" / "feeds"
    assert publish(ledger, folder) == 3
    before = read_state(folder)
    assert sorted(before) == sorted([*FILES, IDENTITY_FILE])  # and no draft
    assert publish(ledger, folder) == 0
    assert read_state(folder) == before
    record(ledger, now, make_question(2, words="The VRU."))
    assert publish(ledger, folder) == 2
    after = read_state(folder)
    assert {name for name in FILES if after[name] != before[name]} == set(FILES[:3] + FILES[6:])


def test_a_lost_folder_is_written_again_with_the_same_bytes(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    folder = tmp_path / "feeds"
    publish(ledger, folder)
    before = {name: body for name, (body, *_) in read_state(folder).items()}
    shutil.rmtree(folder)
    assert publish(ledger, folder) == 3
    assert {name: body for name, (body, *_) in read_state(folder).items()} == before


def test_an_emptied_folder_is_written_again(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    record(ledger, now, make_question(1, words="The VRU."))
    publish(ledger, folder)
    before = read_state(folder)
    for path in folder.iterdir():
        path.unlink()
    assert publish(ledger, folder) == 3  # that of "benches", which nothing matched, is back too
    assert sorted(read_state(folder)) == sorted(before)


@pytest.mark.slow
def test_a_new_public_address_is_in_every_file(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    folder = tmp_path / "feeds"
    record(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, FEED_PAGE_SIZE + 2)))
    for host in (b"https://old.example", b"https://new.example"):
        identity = msgspec.structs.replace(IDENTITY, public_url=host.decode())
        publish_feeds(ledger, LocalFolder(folder), FeedContext(identity, TEMPLATES))
        for path in folder.glob("*.*"):
            assert host in path.read_bytes(), path
    assert not any(b"old.example" in path.read_bytes() for path in folder.iterdir())
    assert (folder / "VRU.1.atom.xml").exists()


def test_a_feed_that_cannot_be_written_does_not_hold_up_others(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU on benches."))
    obstacle = tmp_path / "VRU.rss.xml"
    obstacle.mkdir()
    with pytest.raises(WatchwordError, match=r"^feeds.path: 1 feed not written: VRU: .*Is a dir"):
        publish(ledger, tmp_path)
    assert (tmp_path / "benches.json").exists()
    assert (tmp_path / "everything.json").exists()
    assert not list(tmp_path.glob(".*.new"))
    obstacle.rmdir()
    assert publish(ledger, tmp_path) == 1
    assert obstacle.is_file()


@pytest.mark.parametrize(
    "address", ["http://[insert link].pdf", "https://source.example/a\x01 b\ufffe.pdf"]
)
def test_an_invalid_address_stops_no_feed(
    ledger: Ledger, now: datetime, tmp_path: Path, address: str
) -> None:
    answer = msgspec.structs.replace(
        make_answer("Yes."), attachments=(Attachment("A list", address),)
    )
    record(ledger, now, make_question(1, answer, words="The VRU.", url=address))
    assert publish(ledger, tmp_path) == 3
    assert read_titles(tmp_path / "VRU.atom.xml")
    for path in tmp_path.glob("*.xml"):
        assert not feedparser.parse(path.read_bytes()).bozo


def test_the_baseline_is_in_feeds_and_old_questions_are_not(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."), baseline=True)
    record(
        ledger, now, make_question(2, words="The VRU.", meeting=Meeting(None, date(2018, 12, 20)))
    )
    publish(ledger, tmp_path)
    assert read_titles(tmp_path / "VRU.rss.xml") == ["New question: Question 1"]
    # What an empty feed has: a reader would take one without an entry for broken.
    assert read_titles(tmp_path / "benches.atom.xml") == ["Nothing new since 16 July 2026"]
    assert publish(ledger, tmp_path) == 0


@pytest.mark.slow
def test_a_feed_has_the_newest_items(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    record(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, FEED_PAGE_SIZE + 6)))
    publish(ledger, tmp_path)
    found = read_titles(tmp_path / "VRU.atom.xml")
    assert len(found) == FEED_PAGE_SIZE
    assert found[0] == f"New question: Question {FEED_PAGE_SIZE + 5}"


@pytest.mark.slow
def test_the_archive_is_complete_and_its_pages_do_not_change(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """RFC 5005 4: from the feed back to the first page, no item is missing."""
    total = 2 * FEED_PAGE_SIZE + 7
    record(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, total + 1)))
    identity = msgspec.structs.replace(IDENTITY, public_url="https://watch.example")
    publish_feeds(ledger, LocalFolder(tmp_path), FeedContext(identity, TEMPLATES))
    first = (tmp_path / "VRU.1.atom.xml").read_bytes()
    names, seen, name = [], set(), "VRU.atom.xml"
    while name:
        feed = feedparser.parse((tmp_path / name).read_bytes())
        names.append(name)
        seen |= {entry.title for entry in feed.entries}
        links = {link.rel: link.href for link in feed.feed.links}
        assert links["self"].endswith(f"/feeds/{name}")
        assert ("fh_archive" in feed.feed) == (name != "VRU.atom.xml")
        name = links.get("prev-archive", "").rpartition("/")[2]
    assert names == ["VRU.atom.xml", "VRU.2.atom.xml", "VRU.1.atom.xml"]
    assert seen == {f"New question: Question {n}" for n in range(1, total + 1)}
    record(
        ledger,
        now,
        *(make_question(n, words="The VRU.") for n in range(total + 1, total + FEED_PAGE_SIZE)),
    )
    publish_feeds(ledger, LocalFolder(tmp_path), FeedContext(identity, TEMPLATES))
    assert (tmp_path / "VRU.1.atom.xml").read_bytes() == first
    assert b"VRU.3.atom.xml" in (tmp_path / "VRU.2.atom.xml").read_bytes()


def test_an_outage_is_one_item_and_its_end_another(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    record(ledger, now, make_question(1, words="The VRU."))
    publish(ledger, tmp_path)
    for kind in ("unavailable", "restored"):
        now += timedelta(hours=1)
        with ledger.writing() as connection:
            notices.add(connection, "london", "www.london.gov.uk", kind, now, now)
        assert publish(ledger, tmp_path) == 3
        assert publish(ledger, tmp_path) == 0
    for name in ("VRU.rss.xml", "everything.atom.xml"):
        found = read_titles(tmp_path / name)
        assert found[:2] == [
            "We can read www.london.gov.uk again",
            "We cannot read www.london.gov.uk at present",
        ]
        assert len(found) == 3


@pytest.mark.parametrize(
    ("kind", "published_as"), [("unavailable", "silent"), ("restored", "mended")]
)
def test_ids_of_notices_are_those_of_the_first_feeds(
    ledger: Ledger, now: datetime, tmp_path: Path, kind: NoticeKind, published_as: str
) -> None:
    """Notices had other kinds when feeds were first published; readers know them by their ids."""
    with ledger.writing() as connection:
        notices.add(connection, "london", "www.london.gov.uk", kind, now, now)
    publish(ledger, tmp_path)
    parts = "\x1f".join(("notice", "london", published_as, now.isoformat()))
    [entry] = feedparser.parse((tmp_path / "everything.atom.xml").read_bytes()).entries
    name = hashlib.sha256(parts.encode()).hexdigest()[:32]
    assert entry.id == f"tag:watch.example,2026:{name}"


def test_a_topic_that_becomes_private_while_it_is_published_has_no_file(
    site: WebClient,
) -> None:
    """By a form or a command, in the moment in which its feed is written; nor is its hub told."""
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(make_question(1, words="The VRU?"))
    context = FeedContext(FEED_IDENTITY, TEMPLATES)
    with site.ledger.writing() as connection:
        publish_topic(connection, "tram", site.now)
    asked = 0

    def hide_after_listing() -> float:
        nonlocal asked
        asked += 1
        if asked == 2:  # the first question is for the time at the beginning
            with site.ledger.writing() as connection:
                hide_topic(connection, "tram")
        return 0.0

    FeedPublisher(site.ledger, LocalFolder(site.folder), context, hide_after_listing).publish()
    with site.ledger.reading() as connection:
        assert "tram" not in [one.name for one in feeds.list_unpinged(connection)]
    publish_feeds(site.ledger, LocalFolder(site.folder), context)
    assert not list(site.folder.glob("tram.*"))
    assert len(list(site.folder.glob("VRU.*"))) == 3
