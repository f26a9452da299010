"""The questions of a topic in the order of their last alert, page by page."""

from __future__ import annotations

import random
from datetime import date, datetime

import pytest

from alerts.ledger import Ledger, changes, matches, topics
from alerts.matching import TopicMatcher
from alerts.queries import format_canonical, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.records import Meeting, Question
from tests.support.samples import make_answer, make_question


def fill_ledger(ledger: Ledger, now: datetime, seed: int) -> int:
    """Record 30 questions, some old, some changed often; return the topic of them all."""
    drawn = random.Random(seed)  # noqa: S311
    with ledger.writing() as connection:
        topic = topics.ensure(connection, format_canonical(parse_query("done")), "done", now)
        for turn in range(90):
            number = drawn.randrange(30)
            held = Meeting(None, date(2018 if number % 3 else 2026, 7, 1 + number % 5))
            answers = [make_answer(f"Turn {turn}.")] if drawn.random() < 0.8 else []
            read = QuestionReading(make_question(number, *answers, meeting=held))
            record_readings(connection, [read], now, RecordingRules())
    TopicMatcher(ledger).match_new_changes()
    return topic.id


def held_on(record: Question) -> date:
    assert record.meeting is not None
    assert record.meeting.date is not None
    return record.meeting.date


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_pages_are_slices_of_one_order(ledger: Ledger, now: datetime, seed: int) -> None:
    topic = fill_ledger(ledger, now, seed)
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, changes.get_newest_seq(connection), 1000)
        of = {n.change.after.id: n.change.after for n in found}
        news = {
            one: max(
                [n.seq for n in found if n.change.after.id == one and n.silence_reason != "old"],
                default=0,
            )
            for one in of
        }
        every = matches.list_questions(connection, topic, 1000)
        assert set(every) == set(of)
        assert 0 < sum(1 for one in every if news[one]) < len(every)
        ranks = [(news[one], date.min if news[one] else held_on(of[one])) for one in every]
        assert ranks == sorted(ranks, reverse=True)
        for size in (1, 4, 11):
            pages = [
                matches.list_questions(connection, topic, size, start)
                for start in range(0, len(every) + size, size)
            ]
            assert [one for page in pages for one in page] == every
