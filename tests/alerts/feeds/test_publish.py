"""From match to feed files: whole, only when there is news, and back when they are lost."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import feedparser
import msgspec
import pytest

from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.feeds.definitions import FEED_PAGE_SIZE
from alerts.feeds.publish import replace_file
from alerts.ledger import Ledger, notices, topics
from alerts.matching import TopicMatcher
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from crawler.records import Attachment, Meeting, Question
from tests.support.samples import make_answer, make_question

IMPRINT = FeedIdentity("Watchword", "watch.example,2026", "https://source.example")
TEMPLATES = Templates()
FILES = [
    *("VRU.atom.xml", "VRU.json", "VRU.rss.xml"),
    *("benches.atom.xml", "benches.json", "benches.rss.xml"),
    *("everything.atom.xml", "everything.json", "everything.rss.xml"),
]
MARK = "made-for"


def put(ledger: Ledger, now: datetime, *readings: Question, baseline: bool = False) -> None:
    with ledger.writing() as connection:
        topics.ensure(connection, "VRU", "VRU", now)
        topics.ensure(connection, "bench", "benches", now)
        record_readings(
            connection,
            [QuestionReading(r) for r in readings],
            now,
            RecordingRules(baseline=baseline),
        )
    TopicMatcher(ledger).match_new_changes()


def go(ledger: Ledger, folder: Path) -> int:
    return publish_feeds(ledger, folder, FeedContext(IMPRINT, TEMPLATES))


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Bytes, inode and time of each file: a file that was replaced by its like differs too."""
    found = {path.name: (path.read_bytes(), path.stat()) for path in folder.iterdir()}
    return {name: (body, s.st_ino, s.st_mtime_ns) for name, (body, s) in found.items()}


def titles(path: Path) -> list[str]:
    return [entry.title for entry in feedparser.parse(path.read_bytes()).entries]


def test_nothing_new_touches_nothing(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, make_question(1, words="The VRU."))
    folder = tmp_path / "deep" / "feeds"
    assert go(ledger, folder) == 3
    before = state(folder)
    assert sorted(before) == sorted([*FILES, MARK])  # and no draft
    assert go(ledger, folder) == 0
    assert state(folder) == before
    put(ledger, now, make_question(2, words="The VRU."))
    assert go(ledger, folder) == 2
    after = state(folder)
    assert {name for name in FILES if after[name] != before[name]} == set(FILES[:3] + FILES[6:])


def test_a_lost_folder_comes_back_the_same(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, make_question(1, words="The VRU."))
    folder = tmp_path / "feeds"
    go(ledger, folder)
    before = {name: body for name, (body, *_) in state(folder).items()}
    shutil.rmtree(folder)
    assert go(ledger, folder) == 3
    assert {name: body for name, (body, *_) in state(folder).items()} == before


def test_an_emptied_folder_is_filled_again(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    put(ledger, now, make_question(1, words="The VRU."))
    go(ledger, folder)
    before = state(folder)
    for path in folder.iterdir():
        path.unlink()
    assert go(ledger, folder) == 3  # that of "benches", which nothing matched, is back too
    assert sorted(state(folder)) == sorted(before)


def test_another_public_address_is_in_every_file(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    folder = tmp_path / "feeds"
    put(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, FEED_PAGE_SIZE + 2)))
    for host in (b"https://old.example", b"https://new.example"):
        imprint = msgspec.structs.replace(IMPRINT, public_url=host.decode())
        publish_feeds(ledger, folder, FeedContext(imprint, TEMPLATES))
        for path in folder.glob("*.*"):
            assert host in path.read_bytes(), path
    assert not any(b"old.example" in path.read_bytes() for path in folder.iterdir())
    assert (folder / "VRU.1.atom.xml").exists()


def test_a_feed_that_cannot_be_written_holds_up_no_other(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    put(ledger, now, make_question(1, words="The VRU on benches."))
    in_the_way = tmp_path / "VRU.rss.xml"
    in_the_way.mkdir()
    assert go(ledger, tmp_path) == 2
    assert (tmp_path / "benches.json").exists()
    assert (tmp_path / "everything.json").exists()
    in_the_way.rmdir()
    assert go(ledger, tmp_path) == 1
    assert in_the_way.is_file()


@pytest.mark.parametrize(
    "address", ["http://[insert link].pdf", "https://source.example/a\x01 b\ufffe.pdf"]
)
def test_an_address_that_is_none_stops_no_feed(
    ledger: Ledger, now: datetime, tmp_path: Path, address: str
) -> None:
    told = msgspec.structs.replace(
        make_answer("Yes."), attachments=(Attachment("A list", address),)
    )
    put(ledger, now, make_question(1, told, words="The VRU.", url=address))
    assert go(ledger, tmp_path) == 3
    assert titles(tmp_path / "VRU.atom.xml")
    for path in tmp_path.glob("*.xml"):
        assert not feedparser.parse(path.read_bytes()).bozo


def test_baseline_is_shown_and_old_is_not(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, make_question(1, words="The VRU."), baseline=True)
    put(ledger, now, make_question(2, words="The VRU.", meeting=Meeting(None, date(2018, 12, 20))))
    go(ledger, tmp_path)
    assert titles(tmp_path / "VRU.rss.xml") == ["New question: Question 1"]
    assert titles(tmp_path / "benches.atom.xml") == []
    assert go(ledger, tmp_path) == 0


def test_a_feed_is_bounded(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, FEED_PAGE_SIZE + 6)))
    go(ledger, tmp_path)
    found = titles(tmp_path / "VRU.atom.xml")
    assert len(found) == FEED_PAGE_SIZE
    assert found[0] == f"New question: Question {FEED_PAGE_SIZE + 5}"


def test_the_archive_is_whole_and_its_pages_stay(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    """RFC 5005 4: from the feed that is subscribed to back to the first page, nothing is lost."""
    total = 2 * FEED_PAGE_SIZE + 7
    put(ledger, now, *(make_question(n, words="The VRU.") for n in range(1, total + 1)))
    imprint = msgspec.structs.replace(IMPRINT, public_url="https://watch.example")
    publish_feeds(ledger, tmp_path, FeedContext(imprint, TEMPLATES))
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
    put(
        ledger,
        now,
        *(make_question(n, words="The VRU.") for n in range(total + 1, total + FEED_PAGE_SIZE)),
    )
    publish_feeds(ledger, tmp_path, FeedContext(imprint, TEMPLATES))
    assert (tmp_path / "VRU.1.atom.xml").read_bytes() == first
    assert b"VRU.3.atom.xml" in (tmp_path / "VRU.2.atom.xml").read_bytes()


def test_a_source_that_is_down_is_one_entry_and_one_when_it_is_back(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    put(ledger, now, make_question(1, words="The VRU."))
    go(ledger, tmp_path)
    for kind in ("unavailable", "restored"):
        now += timedelta(hours=1)
        with ledger.writing() as connection:
            notices.add(connection, "london", "www.london.gov.uk", kind, now, now)
        assert go(ledger, tmp_path) == 3
        assert go(ledger, tmp_path) == 0
    for name in ("VRU.rss.xml", "everything.atom.xml"):
        found = titles(tmp_path / name)
        assert found[:2] == [
            "We can read www.london.gov.uk again",
            "We cannot read www.london.gov.uk at present",
        ]
        assert len(found) == 3


def test_the_draft_of_a_killed_run_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".a.xml.new").write_bytes(b"half a fi")
    replace_file(tmp_path / "a.xml", b"whole")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.xml"]
    assert (tmp_path / "a.xml").read_bytes() == b"whole"
