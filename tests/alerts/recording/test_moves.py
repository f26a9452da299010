"""Readings of known questions at unknown addresses, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from alerts.ledger import Ledger, changes, held_changes, questions
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.recording.page_states import record_missing_page, record_unchanged_page
from alerts.search import index_questions
from crawler.records import Question, hash_content
from tests.support.samples import make_answer, make_question

WORDS = "What is being done about the benches in the park at Marl, and when will it be finished?"
NEWS = RecordingRules(as_new=True)


def read(ledger: Ledger, now: datetime, *readings: Question, rules: RecordingRules = NEWS) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(r) for r in readings], now, rules)


def move(question: Question, mark: str = "-v2", /, **fields: Any) -> Question:
    place = {"id": question.id + mark, "url": f"{question.url}{mark}"}
    made = msgspec.structs.replace(question, **(place | fields))
    return msgspec.structs.replace(made, digest=hash_content(made))


def list_kinds(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 1000)
    return [(n.change.after.id, n.change.kind) for n in found]


def find(ledger: Ledger, identity: str) -> Question:
    with ledger.reading() as connection:
        stored = questions.find(connection, identity)
    assert stored is not None
    return stored.record


def count(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return questions.count(connection)


def test_one_record_with_both_addresses(ledger: Ledger, now: datetime) -> None:
    first = make_question(1, words=WORDS)
    answered = move(make_question(1, make_answer("Soon."), words=WORDS))
    read(ledger, now, first, move(first), answered)
    assert list_kinds(ledger) == [(first.id, "asked"), (first.id, "answered")]
    assert find(ledger, first.id) == find(ledger, answered.id)
    assert find(ledger, first.id).url == answered.url
    assert count(ledger) == 1


def test_twins_without_a_reference_move_one_by_one(ledger: Ledger, now: datetime) -> None:
    one, two = (make_question(n, words=WORDS, title="Parks", reference=None) for n in (1, 2))
    with ledger.writing() as connection:  # before this version, both were recorded
        questions.save(connection, one, now)
        questions.save(connection, two, now)
        for each in (one, two):
            questions.add_identity(connection, each.id, each.id)
    read(ledger, now, move(one), move(two))
    assert count(ledger) == 2
    assert {find(ledger, move(each).id).id for each in (one, two)} == {one.id, two.id}


def test_a_page_that_was_suspect_at_first_is_recognised_later(
    ledger: Ledger, now: datetime
) -> None:
    first = make_question(1, words=WORDS)
    half = move(first, question=(), suspect=("no question",))
    read(ledger, now, first, half)
    assert count(ledger) == 2
    index_questions(ledger)
    read(ledger, now, move(first))
    assert count(ledger) == 1
    assert list_kinds(ledger) == [(first.id, "asked")]
    assert find(ledger, half.id).id == first.id


def test_a_file_without_an_address_keeps_the_address_that_is_known(
    ledger: Ledger, now: datetime
) -> None:
    first = make_question(1, words=WORDS)
    read(ledger, now, first, move(first, id="london:sha256:1", url=None))
    assert count(ledger) == 1
    assert find(ledger, first.id).url == first.url


def test_parliament_uses_numbers_again(ledger: Ledger, now: datetime) -> None:
    place = {"source": "uk-parliament", "reference": "1234"}
    first = make_question(1, words=WORDS, **place, id="uk-parliament:/2026-07-16/1234")
    read(ledger, now, first, move(first))
    assert list_kinds(ledger) == [(first.id, "asked")]
    assert count(ledger) == 1


def test_a_reused_reference_waits_and_a_silent_one_does_not(ledger: Ledger, now: datetime) -> None:
    first = make_question(1, words=WORDS)
    other = move(make_question(1, make_answer("Yes."), words="Something quite different?"))
    read(ledger, now, first, other)
    assert list_kinds(ledger) == [(first.id, "asked")]
    with ledger.reading() as connection:
        held = held_changes.list_awaiting_approval(connection)
    assert [(group.reason, group.kind) for group in held] == [
        ("reference", "answered"),
        ("reference", "asked"),
    ]
    old = move(first, "-old", question=make_question(3, words="A third?").question)
    read(ledger, now, old, rules=RecordingRules(is_backfill=True))
    assert (old.id, "asked") in list_kinds(ledger)


def test_a_page_that_is_there_was_not_withdrawn(ledger: Ledger, now: datetime) -> None:
    first = make_question(1, words=WORDS)
    rules = RecordingRules(as_new=True, hold=True)
    visits: tuple[Callable[[Connection, datetime], Counter[str]], ...] = (
        lambda c, later: record_readings(c, [QuestionReading(move(first))], later, rules),
        lambda c, later: record_unchanged_page(c, first.id, later, rules),
    )
    for seen in visits:
        read(ledger, now, first)
        with ledger.writing() as connection:
            record_missing_page(connection, first.id, now, rules)
            later = now + timedelta(hours=24)
            assert record_missing_page(connection, first.id, later, rules)
            seen(connection, later)
            assert held_changes.count_by_kind(connection, "london").get("withdrawn") is None
