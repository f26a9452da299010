"""From change to match: each topic meets each change once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from alerts.ledger import Ledger, changes, matches, topics
from alerts.ledger.schema import topic as table
from alerts.matching.match_changes import Watcher
from alerts.queries.parse import canonical, parse
from alerts.recording.record import Reading, Rules, record
from crawler.records import Question
from tests.support.samples import question


def read(ledger: Ledger, now: datetime, *readings: Question) -> None:
    with ledger.writing() as connection:
        record(connection, [Reading(r) for r in readings], now, Rules())


def topic(ledger: Ledger, now: datetime, query: str) -> int:
    with ledger.writing() as connection:
        return topics.ensure(connection, canonical(parse(query)), query, now).id


def matched(ledger: Ledger, topic_id: int) -> list[int]:
    with ledger.reading() as connection:
        return matches.newest(connection, topic_id, 1000)


def lines(ledger: Ledger) -> set[int]:
    """How far topics have come: in step with all others, or by themselves."""
    with ledger.reading() as connection:
        line = topics.line(connection)
        return {t.matched_to if not t.in_step else line for t in topics.watched(connection)}


@pytest.mark.parametrize("count", [1, 199, 200, 201, 401])
def test_a_new_topic_meets_all_of_history_once(ledger: Ledger, now: datetime, count: int) -> None:
    read(ledger, now, *(question(n, words=f"{n} on VRU.") for n in range(1, count + 1)))
    made = topic(ledger, now, "VRU")
    assert Watcher(ledger).match_new() == count
    assert lines(ledger) == {count}
    assert Watcher(ledger).match_new() == 0
    assert matched(ledger, made) == list(range(count, 0, -1))


def test_the_line_moves_where_nothing_matches(ledger: Ledger, now: datetime) -> None:
    made = topic(ledger, now, "VRU")
    assert Watcher(ledger).match_new() == 0
    assert lines(ledger) == {0}
    read(ledger, now, question(1, words="Benches."))
    assert Watcher(ledger).match_new() == 0
    assert lines(ledger) == {1}
    assert matched(ledger, made) == []


def test_topics_at_different_lines_meet_at_the_newest(ledger: Ledger, now: datetime) -> None:
    old = topic(ledger, now, "VRU")
    read(ledger, now, question(1, words="VRU benches."))
    Watcher(ledger).match_new()
    new = topic(ledger, now, "benches")
    read(ledger, now, question(2, words="VRU benches."))
    assert Watcher(ledger).match_new() == 3
    assert matched(ledger, old) == matched(ledger, new) == [2, 1]
    with ledger.reading() as connection:
        assert lines(ledger) == {changes.newest(connection)}


@pytest.mark.parametrize("words", ["Approval of buses.", "The vruum of buses.", "AVRU and VRUs2."])
def test_a_word_within_a_word_does_not_match(ledger: Ledger, now: datetime, words: str) -> None:
    made = topic(ledger, now, "VRU")
    read(ledger, now, question(1, words=words))
    assert Watcher(ledger).match_new() == 0
    assert matched(ledger, made) == []


def test_a_watcher_goes_on_where_it_stood(ledger: Ledger, now: datetime) -> None:
    watcher = Watcher(ledger)
    first = topic(ledger, now, "VRU")
    for number in range(1, 4):
        read(ledger, now, question(number, words="VRU benches."))
        assert watcher.match_new() == 1
    second = topic(ledger, now, "benches")
    assert watcher.match_new() == 3
    third = topic(ledger, now, "buses")
    assert Watcher(ledger).match_new() == 0  # another process brought it into step
    read(ledger, now, question(4, words="VRU benches, buses."))
    assert watcher.match_new() == 3
    assert matched(ledger, first) == matched(ledger, second) == [4, 3, 2, 1]
    assert matched(ledger, third) == [4]


def test_topics_come_back_from_the_file_if_they_are_the_ledgers(
    ledger: Ledger, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.matching.match_changes._WORTH_SAVING", 10)
    saved = tmp_path / "topics.npz"
    made = [topic(ledger, now, f"number{n}") for n in range(20)]
    Watcher(ledger, saved).match_new()
    assert not saved.exists()  # nothing was in step yet
    Watcher(ledger, saved).match_new()
    written = saved.stat().st_mtime_ns
    late = topic(ledger, now, "benches")
    read(ledger, now, question(1, words="Number7 on benches."))
    assert Watcher(ledger, saved).match_new() == 2
    assert matched(ledger, made[7]) == matched(ledger, late) == [1]
    assert saved.stat().st_mtime_ns == written

    with ledger.writing() as connection:  # as if the ledger had come back from a backup
        connection.execute(update(table).where(table.c.id == made[7]).values(canonical="bus"))
    read(ledger, now, question(2, words="Buses."), question(3, words="Number7."))
    assert Watcher(ledger, saved).match_new() == 1
    assert matched(ledger, made[7]) == [2, 1]
    assert saved.stat().st_mtime_ns > written
