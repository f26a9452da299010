"""Pages that say less than before, and withdrawals in bulk, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.ledger import Ledger, changes, held_changes, questions
from alerts.model import ChangeKind
from alerts.questions import is_shortened
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.recording.losses import PageLosses, is_bulk
from alerts.recording.page_states import record_missing_page, record_unchanged_page
from alerts.recording.withdrawals import hold_doubtful_withdrawals
from crawler.records import Question
from tests.support.samples import make_answer, make_question

NEWS = RecordingRules(as_new=True)
HELD = RecordingRules(as_new=True, hold=True)
TEXT = "The works at Marl are finished. The benches are in place, and the gate is open."


def answered(*answers: str) -> Question:
    return make_question(1, *(make_answer(text) for text in answers))


def read(ledger: Ledger, now: datetime, *readings: Question) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(each) for each in readings], now, NEWS)


def list_kinds(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        return [n.change.kind for n in changes.list_between(connection, 0, 10**6, 1000)]


@given(st.integers(1, len(TEXT) - 2), st.sampled_from(["", "...", "…"]))
def test_every_beginning_of_an_answer_is_shortened(length: int, mark: str) -> None:
    whole = answered(TEXT)
    cut = answered(TEXT[:length] + mark)
    assert is_shortened(whole, cut)
    assert not is_shortened(cut, whole)


@pytest.mark.parametrize(
    ("before", "after", "shortened"),
    [
        ([TEXT, "A second reply."], [TEXT], True),
        (["A first reply.", TEXT], [TEXT], True),
        ([TEXT, "A second reply."], [TEXT[:20], "A second reply."], True),
        ([TEXT], [TEXT], False),
        ([TEXT], [TEXT, "A second reply."], False),
        ([TEXT], ["Other words."], False),
        ([TEXT, "A second reply."], ["Other words."], False),
        ([TEXT], [TEXT.removeprefix("The works ")], False),
        ([TEXT], ["The worksX"], False),
    ],
)
def test_answers_that_are_gone_or_cut(before: list[str], after: list[str], shortened: bool) -> None:
    assert is_shortened(answered(*before), answered(*after)) is shortened


def test_a_shorter_text_is_believed_on_a_second_visit(ledger: Ledger, now: datetime) -> None:
    whole, cut = answered(TEXT), answered(TEXT[:30])
    read(ledger, now, whole)
    for hours in (1, 2, 20):
        read(ledger, now + timedelta(hours=hours), cut)
        assert "corrected" not in list_kinds(ledger)
    read(ledger, now + timedelta(hours=21), whole)  # it was a fault: the time starts again
    read(ledger, now + timedelta(hours=22), cut)
    read(ledger, now + timedelta(hours=41), cut)
    assert "corrected" not in list_kinds(ledger)
    read(ledger, now + timedelta(hours=42), cut)
    assert list_kinds(ledger)[-1] == "corrected"


def test_withdrawals_that_come_a_few_at_a_time_are_counted_together(
    ledger: Ledger, now: datetime
) -> None:
    """Each crawl visits a few pages: only together they are too many."""
    known = [make_question(number) for number in range(1, 9)]
    read(ledger, now, *known)
    for start in range(0, 8, 2):
        for hours in (1 + start, 25 + start):
            moment = now + timedelta(hours=hours)
            with ledger.writing() as connection:
                for one in known[start : start + 2]:
                    record_missing_page(connection, one.id, moment, HELD)
    with ledger.writing() as connection:
        held = hold_doubtful_withdrawals(
            connection, "london", (), now + timedelta(hours=40), has_whole_listings=True
        )
    assert held == 8


def test_a_question_is_withdrawn_returns_and_is_withdrawn_again(
    ledger: Ledger, now: datetime
) -> None:
    first = make_question(1)
    read(ledger, now, first)
    with ledger.writing() as connection:
        for day in (1, 2, 3):
            record_missing_page(connection, first.id, now + timedelta(days=day), NEWS)
        record_unchanged_page(connection, first.id, now + timedelta(days=4), NEWS)
        record_unchanged_page(connection, first.id, now + timedelta(days=5), NEWS)
        for day in (6, 7, 8):
            record_missing_page(connection, first.id, now + timedelta(days=day), NEWS)
    assert list_kinds(ledger) == ["asked", "withdrawn", "returned", "withdrawn"]


def test_a_refusal_is_no_return(ledger: Ledger, now: datetime) -> None:
    first = make_question(1)
    read(ledger, now, first)
    with ledger.writing() as connection:
        record_missing_page(connection, first.id, now, HELD)
        questions.mark_refused(connection, first.id, now + timedelta(hours=10))
        record_missing_page(connection, first.id, now + timedelta(hours=21), HELD)
        unjudged = held_changes.list_unjudged(connection, "london", ChangeKind.WITHDRAWN)
    assert unjudged == [first.id]


def test_three_losses_are_no_bulk_and_a_fifth_is_none() -> None:
    assert not is_bulk(3, 3)
    assert not is_bulk(20, 100)
    assert is_bulk(4, 4)
    assert is_bulk(21, 100)
    assert list(PageLosses(visited=100, missing=10, disbelieved=11).explain())
    assert list(PageLosses(visited=100, reread_answers=10, lost_answers=3).explain())
    assert not list(PageLosses(visited=100, reread_answers=15, lost_answers=3).explain())


def test_a_shorter_title_above_other_words_is_not_shortened() -> None:
    stored = make_question(1, title="Benches at Marl", words="What is being done there?")
    cut = make_question(1, title="Benches", words="Why is nothing done there?")
    assert not is_shortened(stored, cut)
    assert is_shortened(stored, make_question(1, title="Benches", words="What is being done"))
