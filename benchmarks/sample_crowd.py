"""A ledger with a million subscriptions, made by statements of SQL, for the benchmark of idleness.

All of them are served: nothing is due, no change is unmatched and no message waits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    cast,
    false,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.sql.selectable import CTE

from alerts.ledger import Ledger, changes, notices, topic_ranges
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.publication_schema import feed
from alerts.ledger.schema import (
    message,
    subscriber,
    subscription,
    topic,
)
from alerts.ledger.utc_datetime import UtcDateTime
from alerts.queries import LANGUAGE_VERSION
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.search import index_questions
from benchmarks.sample_subscribers import build_questions


class CrowdSize(msgspec.Struct, frozen=True):
    """How many rows there are."""

    subscribers: int = 300_000
    subscriptions: int = 1_000_000
    topics: int = 20_000
    questions: int = 500
    messages: int = 100_000  #: sent in the last day
    public_topics: int = 300


def fill_ledger(ledger: Ledger, size: CrowdSize, now: datetime) -> None:
    """Fill an empty ledger with what is served already.

    Args:
        ledger: The ledger.
        size: How many rows to make.
        now: The present, aware; subscribers have been there for a month.
    """
    with ledger.writing() as connection:
        read = [QuestionReading(one) for one in build_questions(size.questions)]
        record_readings(connection, read, now - timedelta(days=2), RecordingRules())
    index_questions(ledger)
    with ledger.writing() as connection:
        newest = changes.get_newest_seq(connection)
        for topic_id in range(
            1, size.topics + topic_ranges.TOPICS_PER_RANGE, topic_ranges.TOPICS_PER_RANGE
        ):
            topic_ranges.ensure(connection, topic_id)
        _add_topics(connection, size, newest, now)
        _add_subscribers(connection, size, now)
        _add_subscriptions(connection, size, newest, now)
        _add_messages(connection, size, now)
        _add_feeds(connection, size, newest)
    if not ledger.is_sqlite:  # as autovacuum would; nothing does so on SQLite
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()


def _count_to(number: int) -> CTE:
    """Return a table of one column ``n`` with the numbers from 1."""
    counted = select(literal(1, Integer).label("n")).cte("counted", recursive=True)
    return counted.union_all(select(counted.c.n + 1).where(counted.c.n < number))


def _insert_counted(connection: Connection, table: Table, number: int, build: Any) -> None:
    counted = _count_to(number)
    values: dict[str, ColumnElement[Any]] = build(counted.c.n)
    names = list(values)
    rows = select(*(value.label(name) for name, value in values.items()))
    connection.execute(insert(table).from_select(names, rows))


def _at(moment: datetime) -> ColumnElement[Any]:
    return literal(moment, UtcDateTime)


def _name(text: str, number: ColumnElement[Any]) -> ColumnElement[Any]:
    return literal(text, Text).concat(cast(number, Text))


def _add_topics(connection: Connection, size: CrowdSize, newest: int, now: datetime) -> None:
    _insert_counted(
        connection,
        topic,
        size.topics,
        lambda n: {
            "id": n,
            "kind": literal("query", Text),
            "canonical": _name("drawnword", n),
            "language_version": literal(LANGUAGE_VERSION, Integer),
            "slug": _name("drawnword", n),
            "title": _name("drawnword", n),
            "created_at": _at(now - timedelta(days=30)),
            "matched_up_to": literal(newest, Integer),
            "is_caught_up": true(),
            "is_ended": false(),
        },
    )
    public = topic.c.id <= size.public_topics
    connection.execute(topic.update().where(public).values(publication=topic.c.id))


def _add_subscribers(connection: Connection, size: CrowdSize, now: datetime) -> None:
    _insert_counted(
        connection,
        subscriber,
        size.subscribers,
        lambda n: {
            "id": n,
            "email": _name("p", n).concat("@demo.example"),
            "token": _name("token-", n),
            "link_generation": literal(0, Integer),
            "zone": literal("Europe/London", Text),
            "hour": 5 + n % 14,
            "created_at": _at(now - timedelta(days=30)),
        },
    )


def _add_subscriptions(connection: Connection, size: CrowdSize, newest: int, now: datetime) -> None:
    """Each subscriber has topics that follow one another; all of them are used alike."""
    each = size.subscribers
    _insert_counted(
        connection,
        subscription,
        size.subscriptions,
        lambda n: {
            "id": n,
            "subscriber_id": 1 + (n - 1) % each,
            "topic_id": 1 + ((n - 1) % each * 37 + (n - 1) // each) % size.topics,
            "query": literal("benches", Text),
            "frequency": literal("daily", Text),
            "updates": literal("all", Text),
            "origin": literal("page", Text),
            "created_at": _at(now - timedelta(days=30)),
            "sent_up_to": literal(newest, Integer),
            "last_due_at": _at(now + timedelta(minutes=1)),
            "is_finished": false(),
            "is_rewound": false(),
            "detail": literal("full", Text),
            "publishes": false(),
        },
    )


def _add_messages(connection: Connection, size: CrowdSize, now: datetime) -> None:
    sent = now - timedelta(hours=5)
    _insert_counted(
        connection,
        message,
        size.messages,
        lambda n: {
            "id": n,
            "subscriber_id": n,
            "kind": literal("digest", Text),
            "key": literal("yesterday", Text),
            "message_id": _name("<m", n).concat("@demo.example>"),
            "recipient": _name("p", n).concat("@demo.example"),
            "subject": literal("10 updates", Text),
            "body": literal(bytes(range(256)) * 16, LargeBinary),  # 4 kB, as compressed digests
            "sent_log_data": literal(b"", LargeBinary),
            "phase": literal("sent", Text),
            "lane": literal(1, Integer),
            "attempts": literal(1, Integer),
            "due_at": _at(sent),
            "composed_at": _at(sent),
            "sent_at": _at(sent),
        },
    )
    _insert_counted(
        connection,
        delivery_attempt,
        size.messages,
        lambda n: {
            "message_id": n,
            "attempted_at": _at(sent),
            "outcome": literal("sent", Text),
        },
    )


def _add_feeds(connection: Connection, size: CrowdSize, newest: int) -> None:
    """Say that nothing is to be published: topics without a match have no feed."""
    latest = notices.get_newest_id(connection)
    _insert_counted(
        connection,
        feed,
        size.public_topics,
        lambda n: {
            "name": _name("drawnword", n),
            "published_up_to": literal(newest, Integer),
            "notices_up_to": literal(latest, Integer),
            "archive_pages": literal(0, Integer),
            "written_pages": literal(0, Integer),
            "pinged_up_to": literal(newest, Integer),
            "version": literal(0, Integer),
            "written_version": literal(0, Integer),
        },
    )
