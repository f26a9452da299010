"""The ledger's tables. Every hand-off between two steps is a row with a unique key.

That key, not care, is why a step that is killed and run again loses nothing and doubles nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite


class Moment(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both sides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive datetime is a mistake in our code."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite has no time zones: what comes back is the UTC that went in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

crawl_run = Table(
    "crawl_run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("verdict", Text),  # null while it runs, and for good when the process died
    Column("reason", Text),
    Column("report", Text),  # crawler.plan.Report as JSON
    Column("whole", Boolean, nullable=False),  # its listings came to an end
    Index("ix_crawl_run_source_started_at", "source", "started_at"),
)

question = Table(
    "question",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("url", Text),
    Column("status", Text, nullable=False),
    Column("meeting_date", Date),
    Column("suspect", Boolean, nullable=False),
    Column("record", Text, nullable=False),  # the canonical record as JSON
    Column("first_seen_at", Moment, nullable=False),
    Column("visited_at", Moment, nullable=False),
    Column("answered_at", Moment),  # when we first saw a real answer
    Column("gone_at", Moment),  # when the server first said that the page is not there
    Index("ix_question_source_status", "source", "status"),
    Index("ix_question_source_meeting_date", "source", "meeting_date"),
)

address = Table(
    # Every identity that a question has been seen under: the source renames its pages.
    "address",
    metadata,
    Column("id", Text, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, index=True),
)

change = Table(
    "change",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False, index=True),
    Column("silent_because", Text),  # null: it alerts; else baseline, old
    Column("before", Text),  # the record before, as JSON; null when there was none
    Column("after", Text, nullable=False),
    UniqueConstraint("question_id", "kind", "digest"),
    sqlite_autoincrement=True,  # a number is never given twice
)

topic = Table(
    "topic",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("canonical", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),  # as first typed
    Column("created_at", Moment, nullable=False),
    Column("matched_to", Integer, nullable=False),  # every change up to this one was compared
    Column("published_to", Integer),  # newest match in the feed files; null: never written
)

match = Table(
    "match",
    metadata,
    Column("topic_id", Integer, ForeignKey("topic.id"), primary_key=True),
    Column("change_seq", Integer, ForeignKey("change.seq"), primary_key=True),
    Index("ix_match_change_seq", "change_seq"),
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("token", Text, nullable=False, unique=True),  # 128 random bits, revocable
    Column("zone", Text, nullable=False),
    Column("hour", Integer, nullable=False),  # local hour of daily and weekly digests
    Column("created_at", Moment, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("topic_id", Integer, ForeignKey("topic.id"), nullable=False, index=True),
    Column("query", Text, nullable=False),  # in the subscriber's own words
    Column("frequency", Text, nullable=False),
    Column("wants", Text, nullable=False),
    Column("origin", Text, nullable=False),  # config, command
    Column("created_at", Moment, nullable=False),
    Column("sent_to", Integer, nullable=False),  # changes up to this one are settled for it
    Column("served_at", Moment),  # the last due time that was served, with or without a digest
    Column("ended_at", Moment),
    UniqueConstraint("subscriber_id", "topic_id"),
)

digest = Table(
    "digest",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False),
    Column("period", Text, nullable=False),
    Column("composed_at", Moment, nullable=False),
    UniqueConstraint("subscriber_id", "period"),
)

digest_item = Table(
    # A change goes to a subscription once, whatever happens: the key says so.
    "digest_item",
    metadata,
    Column("subscription_id", Integer, ForeignKey("subscription.id"), primary_key=True),
    Column("change_seq", Integer, ForeignKey("change.seq"), primary_key=True),
    Column("digest_id", Integer, ForeignKey("digest.id"), nullable=False, index=True),
)

message = Table(
    "message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest_id", Integer, ForeignKey("digest.id"), nullable=False, unique=True),
    Column("message_id", Text, nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the bytes that go out, fixed once and for all
    Column("phase", Text, nullable=False),  # queued, sending, dot, sent, failed, held, dropped
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("composed_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Index("ix_message_phase_due_at", "phase", "due_at"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
    Column("attempted_at", Moment, nullable=False),
    Column("outcome", Text, nullable=False),  # sent, retry, failed, doubt
    Column("detail", Text),
)


def insert_once(connection: Connection, table: Table, **values: Any) -> tuple[Any, ...] | None:
    """Insert a row and give its primary key; None where its unique key was there already."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(table).values(**values).on_conflict_do_nothing()
    # RETURNING, because the row count of such an insert is not to be had on PostgreSQL.
    row = connection.execute(statement.returning(*table.primary_key)).one_or_none()
    return tuple(row) if row is not None else None
