"""From match to feed files: whole, only when there is news, and back when they are lost."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path

import feedparser

from alerts.json_feed import Imprint
from alerts.ledger import Ledger, topics
from alerts.publishing import ENTRIES, publish, replace
from alerts.recording import Reading, Rules, record
from alerts.rendering import Templates
from alerts.watching import Watcher
from crawler.records import Meeting, Question

from samples import question

IMPRINT = Imprint("Watchword", "watch.example,2026", "https://source.example")
TEMPLATES = Templates()
FILES = [
    *("VRU.atom.xml", "VRU.json", "VRU.rss.xml"),
    *("benches.atom.xml", "benches.json", "benches.rss.xml"),
]


def put(ledger: Ledger, now: datetime, *readings: Question, baseline: bool = False) -> None:
    with ledger.writing() as connection:
        topics.ensure(connection, "VRU", "VRU", now)
        topics.ensure(connection, "bench", "benches", now)
        record(connection, [Reading(r) for r in readings], now, Rules(baseline=baseline))
    Watcher(ledger).match_new()


def go(ledger: Ledger, folder: Path) -> int:
    return publish(ledger, folder, IMPRINT, TEMPLATES)


def state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Bytes, inode and time of each file: a file that was replaced by its like differs too."""
    found = {path.name: (path.read_bytes(), path.stat()) for path in folder.iterdir()}
    return {name: (body, s.st_ino, s.st_mtime_ns) for name, (body, s) in found.items()}


def titles(path: Path) -> list[str]:
    return [entry.title for entry in feedparser.parse(path.read_bytes()).entries]


def test_nothing_new_touches_nothing(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, question(1, words="The VRU."))
    folder = tmp_path / "deep" / "feeds"
    assert go(ledger, folder) == 2
    before = state(folder)
    assert sorted(before) == FILES  # and no draft
    assert go(ledger, folder) == 0
    assert state(folder) == before
    put(ledger, now, question(2, words="The VRU."))
    assert go(ledger, folder) == 1
    after = state(folder)
    assert {name for name in FILES if after[name] != before[name]} == set(FILES[:3])


def test_a_lost_folder_comes_back_the_same(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, question(1, words="The VRU."))
    folder = tmp_path / "feeds"
    go(ledger, folder)
    before = {name: body for name, (body, *_) in state(folder).items()}
    shutil.rmtree(folder)
    assert go(ledger, folder) == 2
    assert {name: body for name, (body, *_) in state(folder).items()} == before


def test_baseline_is_shown_and_old_is_not(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, question(1, words="The VRU."), baseline=True)
    put(ledger, now, question(2, words="The VRU.", meeting=Meeting(None, date(2018, 12, 20))))
    go(ledger, tmp_path)
    assert titles(tmp_path / "VRU.rss.xml") == ["New question: Question 1"]
    assert titles(tmp_path / "benches.atom.xml") == []
    assert go(ledger, tmp_path) == 0


def test_a_feed_is_bounded(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    put(ledger, now, *(question(n, words="The VRU.") for n in range(1, ENTRIES + 6)))
    go(ledger, tmp_path)
    found = titles(tmp_path / "VRU.atom.xml")
    assert len(found) == ENTRIES
    assert found[0] == f"New question: Question {ENTRIES + 5}"


def test_the_draft_of_a_killed_run_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".a.xml.new").write_bytes(b"half a fi")
    replace(tmp_path / "a.xml", b"whole")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.xml"]
    assert (tmp_path / "a.xml").read_bytes() == b"whole"
