"""A ledger with subscribers and a day's questions, of which a given share of them is told."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert

from alerts.ledger import Ledger, topic_ranges
from alerts.ledger.schema import subscriber, subscription, topic
from alerts.matching import Matcher
from alerts.queries import LANGUAGE_VERSION, extract_fields
from alerts.recording import QuestionReading, RecordingRules, record_readings
from benchmarks.sample_queries import draw_subscriptions
from benchmarks.sample_subscribers import LANGUAGE, NOW, build_questions
from crawler.records import Question

#: When the digests are composed: all are daily, for the same hour, which no real crowd chooses.
DIGEST_TIME = NOW + timedelta(days=1)
#: Rows of one statement. The time hardly depends on it; 10,000 rows take 10 MB.
_BATCH = 10_000


class CrowdPlan(msgspec.Struct, frozen=True):
    """How many subscribers there are, with one alert each, and what they are told."""

    subscribers: int
    questions: int = 60  #: of a day
    share: float = 0.3  #: of the subscribers whose topic matches one of them


class Crowd(msgspec.Struct, frozen=True):
    """What was made."""

    questions: tuple[Question, ...]  #: of the day, which are not recorded yet
    topics: int


def fill_ledger(ledger: Ledger, plan: CrowdPlan) -> Crowd:
    """Fill an empty ledger with the topics and subscribers of a plan.

    Topics are drawn as in the benchmark of the matcher: popular ones are shared. Whether they match
    a question of the day is found with the matcher, and as many subscribers as the plan says get
    one that does.
    """
    questions = build_questions(plan.questions)
    chosen = _choose_topics(questions, plan)
    numbers = {form: number for number, form in enumerate(dict.fromkeys(chosen), 1)}
    with ledger.writing() as connection:
        # One of each range, and the last.
        for number in {*range(1, len(numbers), topic_ranges.TOPICS_PER_RANGE), len(numbers)}:
            topic_ranges.ensure(connection, number)
        _insert_rows(connection, topic, map(_build_topic, numbers.values(), numbers))
        people = range(1, plan.subscribers + 1)
        _insert_rows(connection, subscriber, map(_build_subscriber, people))
        alerts = ((number, numbers[form], form) for number, form in enumerate(chosen, 1))
        _insert_rows(connection, subscription, (_build_subscription(*one) for one in alerts))
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()
    return Crowd(tuple(questions), len(numbers))


def record_day(ledger: Ledger, crowd: Crowd) -> None:
    """Record the questions of the day, as a crawl does, one day before the digests."""
    read = [QuestionReading(one) for one in crowd.questions]
    with ledger.writing() as connection:
        record_readings(connection, read, NOW, RecordingRules())


def _choose_topics(questions: Sequence[Question], plan: CrowdPlan) -> list[str]:
    """Return the canonical query of each subscriber."""
    drawn = draw_subscriptions(LANGUAGE, plan.subscribers)
    forms = list(dict.fromkeys(drawn))
    texts = [extract_fields(one, ["asked", "answered"]) for one in questions]
    found = Matcher(dict(enumerate(forms))).match(texts)
    matching = {forms[number] for number in found.group_by_topic()}
    sides = [[form for form in drawn if (form in matching) is side] for side in (False, True)]
    chance = random.Random(5)
    return [
        chance.choice(sides[chance.random() < plan.share] or drawn) for _ in range(plan.subscribers)
    ]


def _insert_rows(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while some := list(islice(rows, _BATCH)):
        connection.execute(insert(table), some)


def _build_topic(number: int, canonical: str) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "query",
        "canonical": canonical,
        "language_version": LANGUAGE_VERSION,
        "slug": f"drawn-{number}",
        "title": canonical,
        "created_at": NOW,
        "matched_up_to": 0,
        "is_caught_up": True,
    }


def _build_subscriber(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "email": f"p{number}@demo.example",
        "token": f"t{number:020d}x",
        "zone": "Europe/London",
        "hour": 7,
        "created_at": NOW - timedelta(days=30),
    }


def _build_subscription(number: int, topic_id: int, query: str) -> dict[str, Any]:
    return {
        "subscriber_id": number,
        "topic_id": topic_id,
        "query": query,
        "frequency": "daily",
        "updates": "all",
        "origin": "page",
        "created_at": NOW - timedelta(days=30),
        "sent_up_to": 0,
        "last_due_at": NOW - timedelta(days=1),
    }
