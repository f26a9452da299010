"""A record in the ledger that cannot be read costs only itself, and the log names it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, changes, held_changes, questions
from alerts.ledger.schema import change, held_change, message, question
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.queries import parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.search import index_questions, search_questions
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.samples import make_answer, make_question

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
ADA, BO = "ada@demo.example", "bo@demo.example"
BROKEN, WHOLE = make_question(1, words="About VRU."), make_question(2, words="VRU and benches.")


@pytest.fixture
def damaged(ledger: Ledger, now: datetime) -> Ledger:
    """A ledger with two questions that Ada wants and one that Bo wants; the first is damaged."""
    with ledger.writing() as connection:
        for email, query in ((ADA, "VRU"), (BO, "benches")):
            request = SubscriptionRequest(query, Frequency.IMMEDIATE, "all", "command")
            subscribe(connection, email, request, SubscriberDefaults("Europe/London", 7), now)
        readings = [QuestionReading(BROKEN), QuestionReading(WHOLE)]
        record_readings(connection, readings, now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()
    with ledger.writing() as connection:
        mine = change.c.question_id == BROKEN.id
        connection.execute(update(change).where(mine).values(after='{"id": 7'))
        mine = question.c.id == BROKEN.id
        connection.execute(update(question).where(mine).values(record="{}"))
    return ledger


def list_subjects(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.recipient, message.c.subject))
        return sorted((row.recipient, row.subject) for row in rows)


def test_the_other_changes_are_sent(
    damaged: Ledger, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    assert compose_due_digests(damaged, DigestSettings(Templates(), HEAD), now) == 2
    assert list_subjects(damaged) == [(ADA, "VRU: 1 new question"), (BO, "benches: 1 new question")]
    assert BROKEN.id in caplog.text
    later = now + timedelta(days=1)
    caplog.clear()
    assert compose_due_digests(damaged, DigestSettings(Templates(), HEAD), later) == 0
    assert caplog.text == ""


def test_the_other_changes_are_matched(damaged: Ledger, now: datetime) -> None:
    third = make_question(3, words="More benches.")
    with damaged.writing() as connection:
        record_readings(connection, [QuestionReading(third)], now, RecordingRules())
    assert TopicMatcher(damaged).match_new_changes() == 1
    with damaged.reading() as connection:
        ids = [found.change.after.id for found in changes.list_between(connection, 0, 99, 2)]
    assert ids == [WHOLE.id, third.id]


def test_the_other_questions_are_found(damaged: Ledger) -> None:
    assert index_questions(damaged) == 2
    assert index_questions(damaged) == 0
    with damaged.reading() as connection:
        found = search_questions(connection, parse_query("VRU"), 10)
    assert [one.question_id for one in found.newest] == [WHOLE.id]


def test_reading_the_page_again_mends_the_question(damaged: Ledger, now: datetime) -> None:
    answered = make_question(1, make_answer("Yes."), words="About VRU.")
    with damaged.writing() as connection:
        assert questions.find(connection, BROKEN.id) is None
        record_readings(connection, [QuestionReading(answered)], now, RecordingRules())
        stored = questions.find(connection, BROKEN.id)
    assert stored is not None
    assert stored.record == answered


def test_a_held_change_is_still_listed(damaged: Ledger, now: datetime) -> None:
    asked = make_question(4, words="Held.")
    with damaged.writing() as connection:
        record_readings(connection, [QuestionReading(asked)], now, RecordingRules(hold=True))
        held_changes.hold_for_approval(connection, "london", "flood")
        connection.execute(update(held_change).values(after="null"))
        [group] = held_changes.list_awaiting_approval(connection)
    assert group.example == asked.id
