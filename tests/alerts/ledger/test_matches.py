"""The questions of a topic in the order of their news, a page at a time."""

from __future__ import annotations

import random
from datetime import date, datetime

import pytest

from alerts.ledger import Ledger, changes, matches, topics
from alerts.matching.match_changes import Watcher
from alerts.queries.parse import canonical, parse
from alerts.recording.record import Reading, Rules, record
from crawler.records import Meeting, Question
from tests.support.samples import answer, question


def filled(ledger: Ledger, now: datetime, seed: int) -> int:
    """Thirty questions, some of long ago, some changed again and again; the topic of them all."""
    drawn = random.Random(seed)  # noqa: S311
    with ledger.writing() as connection:
        topic = topics.ensure(connection, canonical(parse("done")), "done", now)
        for turn in range(90):
            number = drawn.randrange(30)
            held = Meeting(None, date(2018 if number % 3 else 2026, 7, 1 + number % 5))
            answers = [answer(f"Turn {turn}.")] if drawn.random() < 0.8 else []
            read = Reading(question(number, *answers, meeting=held))
            record(connection, [read], now, Rules())
    Watcher(ledger).match_new()
    return topic.id


def held_on(record: Question) -> date:
    assert record.meeting is not None
    assert record.meeting.date is not None
    return record.meeting.date


@pytest.mark.parametrize("seed", range(4))
def test_each_page_is_a_part_of_the_whole_order(ledger: Ledger, now: datetime, seed: int) -> None:
    topic = filled(ledger, now, seed)
    with ledger.reading() as connection:
        found = changes.between(connection, 0, changes.newest(connection), 1000)
        of = {n.change.after.id: n.change.after for n in found}
        news = {
            one: max(
                [n.seq for n in found if n.change.after.id == one and n.silent_because != "old"],
                default=0,
            )
            for one in of
        }
        every = matches.questions_of(connection, topic, 1000)
        assert set(every) == set(of)
        assert 0 < sum(1 for one in every if news[one]) < len(every)
        ranks = [(news[one], date.min if news[one] else held_on(of[one])) for one in every]
        assert ranks == sorted(ranks, reverse=True)
        for size in (1, 4, 11):
            pages = [
                matches.questions_of(connection, topic, size, start)
                for start in range(0, len(every) + size, size)
            ]
            assert [one for page in pages for one in page] == every
