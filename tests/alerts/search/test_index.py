"""Questions are indexed by several processes at once, and beside crawls that record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, datetime

import pytest

from alerts.ledger import Ledger, open_ledger, word_index
from alerts.ledger.word_index import IndexedQuestion
from alerts.queries.index_terms import IndexKey
from alerts.recording import QuestionReading, RecordingRules, record_readings, take_down
from alerts.search import index_questions
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.samples import make_answer, make_question

pytestmark = pytest.mark.postgres


@pytest.fixture
def archive(postgres_server: str) -> Iterator[Ledger]:
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        opened = open_ledger(url)
        yield opened
        opened.close()


def save(ledger: Ledger, now: datetime, number: int, words: str) -> None:
    question = make_question(number, make_answer(words))
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(question)], now, RecordingRules())


def count(ledger: Ledger, word: str) -> int:
    with ledger.reading() as connection:
        return word_index.count_questions(connection, IndexKey(f"wx{word}"))


def test_a_question_that_is_being_saved_is_left_for_later(archive: Ledger, now: datetime) -> None:
    save(archive, now, 1, "Ponds.")
    save(archive, now, 2, "Trees.")
    with archive.writing() as connection:
        changed = QuestionReading(make_question(1, make_answer("Lakes.")))
        record_readings(connection, [changed], now, RecordingRules())
        assert index_questions(archive) == 1
        assert [count(archive, word) for word in ("ponds", "lakes", "trees")] == [0, 0, 1]
    assert index_questions(archive) == 1
    assert [count(archive, word) for word in ("ponds", "lakes", "trees")] == [0, 1, 1]


def index_while(ledger: Ledger, act: Callable[[], object]) -> None:
    """Index question 1 with the word ``ponds``, while something begins that concerns it."""
    with ThreadPoolExecutor(1) as pool:
        with ledger.writing_shard() as connection:
            [found] = word_index.lock_unindexed(connection, 10)
            acting = pool.submit(act)
            assert wait([acting], 0.3).not_done  # it waits for this transaction
            day = date(2026, 7, 16)
            words = IndexedQuestion(found.question_id, day, frozenset({"wxponds"}), frozenset())
            word_index.write_questions(connection, [words])
        acting.result()


@pytest.mark.slow
def test_a_question_saved_while_it_is_indexed_is_indexed_again(
    archive: Ledger, now: datetime
) -> None:
    save(archive, now, 1, "Ponds.")
    index_while(archive, lambda: save(archive, now, 1, "Lakes."))
    assert [count(archive, word) for word in ("ponds", "lakes")] == [1, 0]
    assert index_questions(archive) == 1
    assert [count(archive, word) for word in ("ponds", "lakes")] == [0, 1]


@pytest.mark.slow
def test_a_question_taken_down_while_it_is_indexed_is_not_in_the_index(
    archive: Ledger, now: datetime
) -> None:
    save(archive, now, 1, "Ponds.")

    def act() -> None:
        with archive.writing() as connection:
            take_down(connection, make_question(1).id, "asked for", now)

    index_while(archive, act)
    assert count(archive, "ponds") == 0
    assert index_questions(archive) == 0


def test_several_at_once_index_each_question_once(
    archive: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.search.index._BATCH", 3)
    readings = [
        QuestionReading(make_question(number, make_answer(f"Ponds {number}.")))
        for number in range(1, 31)
    ]
    with archive.writing() as connection:
        record_readings(connection, readings, now, RecordingRules())
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(index_questions, [archive] * 3)) == 30
    assert count(archive, "ponds") == 30
