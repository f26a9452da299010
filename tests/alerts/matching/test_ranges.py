"""Ranges of topics: each is matched for itself, by one at a time; its compiled topics follow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, text

from alerts.ledger import Ledger, open_ledger, publication, topic_ranges, topics
from alerts.ledger.range_schema import topic_range
from alerts.ledger.schema import match
from alerts.matching import TopicMatcher
from crawler.storage import LocalFolder
from tests.alerts.matching.test_match_changes import matched, read, topic
from tests.support.paths import REPOSITORY
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.samples import make_answer, make_question

pytestmark = pytest.mark.usefixtures("_small_ranges")


@pytest.fixture
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_ranges, "TOPICS_PER_RANGE", 2)


def read_progress(ledger: Ledger) -> dict[int, int]:
    with ledger.reading() as connection:
        rows = connection.execute(select(topic_range.c.id, topic_range.c.matched_up_to))
        return {row.id: row.matched_up_to for row in rows}


def read_matches(ledger: Ledger) -> set[tuple[int, int]]:
    with ledger.reading() as connection:
        rows = connection.execute(select(match.c.topic_id, match.c.change_seq))
        return {(row.topic_id, row.change_seq) for row in rows}


def release(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        publication.release(connection)


def test_each_range_has_its_own_progress_and_all_reach_the_newest_change(
    ledger: Ledger, now: datetime
) -> None:
    read(ledger, now, make_question(1, words="VRU benches."), make_question(2, words="Ponds."))
    made = [topic(ledger, now, query) for query in ("VRU", "benches", "ponds")]
    with ledger.writing() as connection:
        followed = topics.ensure_for_question(connection, make_question(2).id, "Ponds", now)
    matcher = TopicMatcher(ledger)
    with ledger.reading() as connection:
        waiting = topic_ranges.list_waiting(connection)
    assert waiting == [topic_ranges.find_range(key) for key in sorted({made[0], made[1]})]
    assert matcher.match_range(waiting[0]) == 1
    assert read_matches(ledger) == {(made[0], 1), (followed.id, 2)}
    assert matcher.match_new_changes() == 2
    read(ledger, now, make_question(3, words="VRU, ponds, benches."))
    assert matcher.match_range(waiting[-1]) == 2
    assert sorted(read_progress(ledger).values()) == [2, 2, 3]
    with ledger.reading() as connection:
        assert topic_ranges.get_match_progress(connection) == 2
    assert matcher.match_new_changes() == 1
    assert set(read_progress(ledger).values()) == {3}


def test_nothing_to_match_takes_no_lock_and_one_statement(ledger: Ledger, now: datetime) -> None:
    for number in range(6):
        topic(ledger, now, f"word{number}")
    read(ledger, now, make_question(1, words="Word3 and word5."))
    matcher = TopicMatcher(ledger)
    assert matcher.match_new_changes() == 2
    matcher.update_alarm(now)
    seen: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        seen.append(statement)

    with ledger.writing():
        event.listen(ledger.engine, "before_cursor_execute", note)
        assert matcher.match_new_changes() == 0
        matcher.update_alarm(now)
    found = [one.split(None, 1)[0] for one in seen if not one.startswith("BEGIN")]
    assert found == ["SELECT"] * 3  # one for the ranges, two for the alarm


def test_waiting_topics_of_a_range_are_found_in_an_index(ledger: Ledger) -> None:
    seen: list[tuple[str, Any]] = []

    def note(_1: object, _2: object, statement: str, parameters: Any, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(ledger.engine, "before_cursor_execute", note)
    with ledger.reading() as connection:
        topic_ranges.list_waiting(connection)
        statement, values = seen[-1]
        explain = "EXPLAIN QUERY PLAN" if ledger.is_sqlite else "EXPLAIN"
        if not ledger.is_sqlite:  # a sequential scan of an empty table costs less
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.exec_driver_sql(f"{explain} {statement}", values).all()
    assert "ix_topic_is_outstanding" in str(plan)


@pytest.mark.slow
def test_what_others_catch_up_end_and_revive_is_followed(ledger: Ledger, now: datetime) -> None:
    mine, other = TopicMatcher(ledger), TopicMatcher(ledger)
    bus, tram = topic(ledger, now, "bus"), topic(ledger, now, "tram")
    read(ledger, now, make_question(1, words="Bus and tram."))
    assert mine.match_new_changes() == 2
    boat = topic(ledger, now, "boat")
    assert other.match_new_changes() == 0  # it catches the boat up
    read(ledger, now, make_question(2, words="Bus, tram and boat."))
    assert mine.match_new_changes() == 3
    keep(ledger, bus, boat)
    release(ledger)  # the tram ends
    read(ledger, now, make_question(3, words="Bus, tram and boat."))
    assert mine.match_new_changes() == 2
    with ledger.writing() as connection:
        publication.clear_ended(connection)
    assert topic(ledger, now, "tram") != tram  # it was deleted
    assert mine.match_new_changes() == 3
    keep(ledger, bus)
    release(ledger)
    revived = topic(ledger, now, "boat")
    assert revived == boat
    assert other.match_new_changes() == 2  # found again; they are there still
    read(ledger, now, make_question(4, words="Boat."))
    assert mine.match_new_changes() == 1
    assert matched(ledger, boat) == [4, 3, 2]


def keep(ledger: Ledger, *topic_ids: int) -> None:
    """Let only some topics be needed."""
    with ledger.writing() as connection:
        publication.set_in_config(connection, dict.fromkeys(topic_ids, "private"))


@contextmanager
def watching(ledger: Ledger, watch: Callable[[int], None]) -> Iterator[None]:
    """Call ``watch`` before each commit with the number of matches that there are with it."""

    def count(connection: Connection) -> None:
        watch(connection.exec_driver_sql("SELECT count(*) FROM match").scalar_one())

    event.listen(ledger.engine, "commit", count)
    try:
        yield
    finally:
        event.remove(ledger.engine, "commit", count)


def test_a_step_that_is_not_committed_is_done_again(ledger: Ledger, now: datetime) -> None:
    topic(ledger, now, "VRU")
    read(ledger, now, make_question(1, words="VRU."))
    matcher = TopicMatcher(ledger)

    def fail(number: int) -> None:
        if number:
            raise KeyError("before the commit")

    with watching(ledger, fail), pytest.raises(KeyError):
        matcher.match_new_changes()
    assert read_matches(ledger) == set()
    assert matcher.match_new_changes() == 1
    read(ledger, now, make_question(2, words="VRU."))
    assert matcher.match_new_changes() == 1


@pytest.mark.slow
def test_a_commit_has_a_bounded_number_of_matches(
    ledger: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.matching.batch_step.MAX_MATCHES", 3)
    made = [topic(ledger, now, f"word{number}") for number in range(1, 5)]
    totals: list[int] = []
    matcher = TopicMatcher(ledger)
    words = " ".join(f"word{number}" for number in range(1, 5))
    questions = [make_question(number, words=words) for number in range(1, 8)]
    for some in (questions, [make_question(9, words=words), make_question(10, words=words)]):
        read(ledger, now, *some)
        with watching(ledger, totals.append):
            assert matcher.match_new_changes() == len(made) * len(some)
    assert max(later - earlier for earlier, later in pairwise([0, *totals])) in range(1, 4)
    assert len(read_matches(ledger)) == 4 * 9


@pytest.mark.postgres
def test_a_range_that_another_has_is_left_to_it(postgres_server: str, now: datetime) -> None:
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        ledger, second = open_ledger(url), open_ledger(url)
        one, other = topic(ledger, now, "VRU"), topic(ledger, now, "benches")
        read(ledger, now, make_question(1, words="VRU benches."))
        keys = [topic_ranges.find_range(key) for key in (one, other)]
        with ledger.writing_shard() as connection:
            assert topic_ranges.lock(connection, keys[0]) is not None
            assert TopicMatcher(second).match_new_changes() == 1
            assert read_matches(second) == {(other, 1)}
        assert TopicMatcher(second).match_new_changes() == 1
        for opened in (ledger, second):
            opened.close()


@pytest.mark.postgres
def test_two_processes_at_once_one_of_them_killed_match_everything_once(
    postgres_server: str, now: datetime
) -> None:
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        ledger = open_ledger(url)
        made = [topic(ledger, now, f"word{number}") for number in range(12)]
        words = " ".join(f"word{number}" for number in range(12))
        read(ledger, now, *(make_question(number, words=words) for number in range(1, 31)))
        command = [sys.executable, "-m", "tests.support.match_process", url, "2", "4"]
        with (
            subprocess.Popen(
                [*command, "8"], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
            ) as killed,
            subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True) as other,
        ):
            assert killed.stdout is not None
            assert other.stdout is not None
            lines = [killed.stdout.readline() for _ in range(8)]
            told = other.stdout.read().splitlines()  # it passes over the range of the first
            killed.kill()  # in the transaction that it told of last
        assert lines[-1]
        assert other.returncode == 0
        assert 0 < sum(map(int, told)) < 360
        missing = 360 - len(read_matches(ledger))
        assert missing > 0
        assert TopicMatcher(ledger).match_new_changes() == missing
        assert read_matches(ledger) == {(key, seq) for key in made for seq in range(1, 31)}
        ledger.close()


def test_a_new_range_has_nothing_to_do_but_its_new_topics(ledger: Ledger, now: datetime) -> None:
    read(ledger, now, make_question(1, words="VRU."), make_question(2, words="VRU."))
    made = topic(ledger, now, "VRU")
    assert read_progress(ledger) == {topic_ranges.find_range(made): 2}
    assert TopicMatcher(ledger).match_new_changes() == 2


def test_a_question_followed_while_its_range_is_behind_is_matched_once(
    ledger: Ledger, now: datetime
) -> None:
    for query in ("ponds", "lakes"):
        topic(ledger, now, query)
    read(ledger, now, make_question(1, words="Benches."))
    with ledger.writing() as connection:
        made = topics.ensure_for_question(connection, make_question(1).id, "Benches", now)
    assert read_progress(ledger)[topic_ranges.find_range(made.id)] == 0
    matcher = TopicMatcher(ledger)
    assert matched(ledger, made.id) == [1]
    assert matcher.match_new_changes() == 0
    read(ledger, now, make_question(1, make_answer("Six."), words="Benches."))
    assert matcher.match_new_changes() == 1
    assert matched(ledger, made.id) == [2, 1]


def test_the_files_of_ranges_are_apart(
    ledger: Ledger, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.matching.compiled_topics._MIN_TOPICS_TO_SAVE", 1)
    for number in range(5):
        topic(ledger, now, f"word{number}")
    for number in (1, 2):
        read(ledger, now, make_question(number, words="Word1 word4."))
        assert TopicMatcher(ledger, LocalFolder(tmp_path / "new")).match_new_changes() == 2
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["0.npz", "1.npz", "2.npz"]
