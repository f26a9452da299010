"""From changes to matches: each topic is compared with each change once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, literal, update

from alerts.ledger import Ledger, alarms, changes, matches, topic_ranges, topics
from alerts.ledger.schema import topic as table
from alerts.matching import TopicMatcher
from alerts.queries import format_canonical, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.records import Question
from crawler.storage import LocalFolder
from tests.support.samples import make_question


def read(ledger: Ledger, now: datetime, *readings: Question) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(r) for r in readings], now, RecordingRules())


def topic(ledger: Ledger, now: datetime, query: str) -> int:
    with ledger.writing() as connection:
        return topics.ensure(connection, format_canonical(parse_query(query)), query, now).id


def matched(ledger: Ledger, topic_id: int) -> list[int]:
    with ledger.reading() as connection:
        return matches.list_newest(connection, topic_id, 1000)


def list_progress(ledger: Ledger) -> set[int]:
    """Return the progress of topics: that of all who are caught up, and of each other one."""
    with ledger.reading() as connection:
        line = topic_ranges.get_match_progress(connection)
        return {
            t.matched_up_to if not t.is_caught_up else line for t in topics.list_all(connection)
        }


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 19, 20, 21, 41])
def test_a_new_topic_is_compared_with_all_earlier_changes_once(
    ledger: Ledger, now: datetime, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of several batches."""
    monkeypatch.setattr("alerts.matching.batch_step.BATCH_SIZE", 20)
    read(ledger, now, *(make_question(n, words=f"{n} on VRU.") for n in range(1, count + 1)))
    made = topic(ledger, now, "VRU")
    assert TopicMatcher(ledger).match_new_changes() == count
    assert list_progress(ledger) == {count}
    assert TopicMatcher(ledger).match_new_changes() == 0
    assert matched(ledger, made) == list(range(count, 0, -1))


def test_progress_is_made_where_nothing_matches(ledger: Ledger, now: datetime) -> None:
    made = topic(ledger, now, "VRU")
    assert TopicMatcher(ledger).match_new_changes() == 0
    assert list_progress(ledger) == {0}
    read(ledger, now, make_question(1, words="Benches."))
    assert TopicMatcher(ledger).match_new_changes() == 0
    assert list_progress(ledger) == {1}
    assert matched(ledger, made) == []


def test_topics_with_different_progress_all_reach_the_newest_change(
    ledger: Ledger, now: datetime
) -> None:
    old = topic(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="VRU benches."))
    TopicMatcher(ledger).match_new_changes()
    new = topic(ledger, now, "benches")
    read(ledger, now, make_question(2, words="VRU benches."))
    assert TopicMatcher(ledger).match_new_changes() == 3
    assert matched(ledger, old) == matched(ledger, new) == [2, 1]
    with ledger.reading() as connection:
        assert list_progress(ledger) == {changes.get_newest_seq(connection)}


@pytest.mark.parametrize("words", ["Approval of buses.", "The vruum of buses.", "AVRU and VRUX2."])
def test_a_word_within_a_word_does_not_match(ledger: Ledger, now: datetime, words: str) -> None:
    made = topic(ledger, now, "VRU")
    read(ledger, now, make_question(1, words=words))
    assert TopicMatcher(ledger).match_new_changes() == 0
    assert matched(ledger, made) == []


@pytest.mark.slow
def test_a_matcher_continues_where_it_stopped(ledger: Ledger, now: datetime) -> None:
    matcher = TopicMatcher(ledger)
    first = topic(ledger, now, "VRU")
    for number in range(1, 4):
        read(ledger, now, make_question(number, words="VRU benches."))
        assert matcher.match_new_changes() == 1
    second = topic(ledger, now, "benches")
    assert matcher.match_new_changes() == 3
    third = topic(ledger, now, "buses")
    assert TopicMatcher(ledger).match_new_changes() == 0  # another process has caught it up
    read(ledger, now, make_question(4, words="VRU benches, buses."))
    assert matcher.match_new_changes() == 3
    assert matched(ledger, first) == matched(ledger, second) == [4, 3, 2, 1]
    assert matched(ledger, third) == [4]


@pytest.mark.slow
def test_topics_are_loaded_from_the_file_if_they_are_those_of_the_ledger(
    ledger: Ledger, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.matching.compiled_topics._MIN_TOPICS_TO_SAVE", 10)
    folder = tmp_path / "topics"
    saved = folder / "0.npz"
    made = [topic(ledger, now, f"number{n}") for n in range(20)]
    TopicMatcher(ledger, LocalFolder(folder)).match_new_changes()
    assert not saved.exists()  # no topic was caught up yet
    read(ledger, now, make_question(9, words="Ponds."))
    assert TopicMatcher(ledger, LocalFolder(folder)).match_new_changes() == 0
    written = saved.stat().st_mtime_ns
    late = topic(ledger, now, "benches")
    read(ledger, now, make_question(1, words="Number7 on benches."))
    assert TopicMatcher(ledger, LocalFolder(folder)).match_new_changes() == 2
    assert matched(ledger, made[7]) == matched(ledger, late) == [2]
    assert saved.stat().st_mtime_ns == written

    with ledger.writing() as connection:  # as if the ledger had come back from a backup
        connection.execute(update(table).where(table.c.id == made[7]).values(canonical="bus"))
    read(ledger, now, make_question(2, words="Buses."), make_question(3, words="Number7."))
    assert TopicMatcher(ledger, LocalFolder(folder)).match_new_changes() == 1
    assert matched(ledger, made[7]) == [3, 2]
    assert saved.stat().st_mtime_ns > written


def list_alarms(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.reading() as connection:
        return [(one.kind, one.reason) for one in alarms.list_open(connection)]


@pytest.mark.parametrize(("number", "more"), [(1, ""), (3, ""), (4, " and 1 more")])
def test_damaged_topics_are_an_alarm_until_they_can_be_read(
    ledger: Ledger, now: datetime, number: int, more: str
) -> None:
    made = [topic(ledger, now, f"number{n}") for n in range(number)]
    whole = topic(ledger, now, "benches")
    with ledger.writing() as connection:
        damaged = literal("((") + table.c.canonical
        connection.execute(update(table).where(table.c.id.in_(made)).values(canonical=damaged))
    read(ledger, now, make_question(1, words="Number0 on benches."))
    matcher = TopicMatcher(ledger)
    assert matcher.match_new_changes() == 1
    assert matched(ledger, whole) == [1]
    for _ in range(2):
        matcher.update_alarm(now)
        [(kind, reason)] = list_alarms(ledger)
        assert kind == "topics"
        named = reason.partition(": ")[2].partition(";")[0]
        assert named.count("“number") == min(number, 3)
        assert named.endswith(f"){more}")
    with ledger.writing() as connection:
        mended = func.substr(table.c.canonical, 3)
        connection.execute(update(table).where(table.c.id.in_(made)).values(canonical=mended))
    read(ledger, now, make_question(2, words="Number0, number1, number2, number3."))
    assert matcher.match_new_changes() == number
    matcher.update_alarm(now)
    assert list_alarms(ledger) == []
