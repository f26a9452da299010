"""What a reader would call a change of an answer, and what only the history shows."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.questions import find_changes, is_minor_correction
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from alerts.web.pages.archive import find_question_view
from crawler.records import Question
from tests.support.samples import make_answer, make_question

SAME = [
    ("The ferry is late", "The ferry is late."),
    ("the ferry is late.", "The Ferry is late."),
    ("Yes, it is.", "Yes; it is!"),
    ("It cost 1,000 pounds", "It cost 1000 pounds"),
    ("In 2019. 5 more", "In 2019, 5 more"),
    ("It is “free”", 'It is "free"'),
    ("• First\N{ZERO WIDTH SPACE}", "First"),
    ("COVID-19", "COVID 19"),
    ("2018-19", "2018–19"),
]
OTHER = [
    ("It cost £1.5m", "It cost £15m"),
    ("up by 5%", "up by 5"),
    ("£3", "€3"),
    ("£3", "3"),
    ("24/7", "247"),
    ("at 10:30", "at 1030"),
    ("2018-19", "201819"),
    ("Sian", "Siân"),
    ("We will", "We will not"),
    ("> 5", "< 5"),
    ("कि", "की"),
]


def answer(text: str) -> Question:
    return make_question(1, make_answer(text))


@pytest.mark.parametrize(("old", "new"), SAME)
def test_punctuation_and_capitals_are_a_minor_correction(old: str, new: str) -> None:
    assert all(map(is_minor_correction, find_changes(answer(old), answer(new))))


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_letters_digits_and_the_signs_of_numbers_are_a_change(old: str, new: str) -> None:
    [change] = find_changes(answer(old), answer(new))
    assert not is_minor_correction(change)


@given(st.text("abc 12", min_size=1), st.integers(0, 50), st.sampled_from("xyz789é"))
def test_one_more_letter_or_digit_is_a_change(text: str, place: int, more: str) -> None:
    changed = text[:place] + more + text[place:]
    assert not any(map(is_minor_correction, find_changes(answer(text), answer(changed))))


def test_another_file_is_a_change() -> None:
    before, after = (make_question(1, make_answer("Yes.", files=(f,))) for f in ("a1", "a2"))
    assert not any(map(is_minor_correction, find_changes(before, after)))


def test_another_division_into_paragraphs_and_a_title_without_letters_are_minor() -> None:
    stored = make_question(1, make_answer("It is.", "So there."), title=None)
    for read in (
        make_question(1, make_answer("It is; so there."), title=None),
        make_question(1, make_answer("It is.", "So there."), title="–"),
    ):
        assert [is_minor_correction(change) for change in find_changes(stored, read)] == [True]


def record(ledger: Ledger, now: datetime, question: Question) -> None:
    with ledger.writing() as connection:
        record_readings(connection, [QuestionReading(question)], now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()


def test_a_full_stop_alerts_nobody_and_is_in_the_history(ledger: Ledger, now: datetime) -> None:
    record(ledger, now, answer("The ferry is late"))
    with ledger.writing() as connection:
        request = SubscriptionRequest("ferry", Frequency.IMMEDIATE, "all", "command")
        defaults = SubscriberDefaults("Europe/London", 7)
        subscribe(connection, "ada@demo.example", request, defaults, now)
    TopicMatcher(ledger).match_new_changes()
    identity = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
    settings = DigestSettings(Templates(), identity)
    record(ledger, now, answer("The ferry is late."))
    assert compose_due_digests(ledger, settings, now) == 0
    with ledger.reading() as connection:
        view = find_question_view(connection, answer("").id)
    assert view is not None
    assert next((entry.kind, entry.is_minor) for entry in view.history) == ("corrected", True)
    record(ledger, now, answer("The ferry is very late."))
    assert compose_due_digests(ledger, settings, now) == 1
