"""From change to match: each topic meets each change once."""

from __future__ import annotations

from datetime import datetime

import pytest

from alerts.ledger import Ledger, changes, matches, topics
from alerts.query import canonical, parse
from alerts.recording import Reading, Rules, record
from alerts.watching import match_new
from crawler.records import Question

from samples import question


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
    with ledger.reading() as connection:
        return {found.matched_to for found in topics.watched(connection)}


@pytest.mark.parametrize("count", [1, 199, 200, 201, 401])
def test_a_new_topic_meets_all_of_history_once(ledger: Ledger, now: datetime, count: int) -> None:
    read(ledger, now, *(question(n, words=f"{n} on VRU.") for n in range(1, count + 1)))
    made = topic(ledger, now, "VRU")
    assert match_new(ledger) == count
    assert lines(ledger) == {count}
    assert match_new(ledger) == 0
    assert matched(ledger, made) == list(range(count, 0, -1))


def test_the_line_moves_where_nothing_matches(ledger: Ledger, now: datetime) -> None:
    made = topic(ledger, now, "VRU")
    assert match_new(ledger) == 0
    assert lines(ledger) == {0}
    read(ledger, now, question(1, words="Benches."))
    assert match_new(ledger) == 0
    assert lines(ledger) == {1}
    assert matched(ledger, made) == []


def test_topics_at_different_lines_meet_at_the_newest(ledger: Ledger, now: datetime) -> None:
    old = topic(ledger, now, "VRU")
    read(ledger, now, question(1, words="VRU benches."))
    match_new(ledger)
    new = topic(ledger, now, "benches")
    read(ledger, now, question(2, words="VRU benches."))
    assert match_new(ledger) == 3
    assert matched(ledger, old) == matched(ledger, new) == [2, 1]
    with ledger.reading() as connection:
        assert lines(ledger) == {changes.newest(connection)}


@pytest.mark.parametrize("words", ["Approval of buses.", "The vruum of buses.", "AVRU and VRUs2."])
def test_a_word_within_a_word_does_not_match(ledger: Ledger, now: datetime, words: str) -> None:
    made = topic(ledger, now, "VRU")
    read(ledger, now, question(1, words=words))
    assert match_new(ledger) == 0
    assert matched(ledger, made) == []
