"""The tables of whose digests are due; see :mod:`alerts.ledger.schema`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    false,
    text,
)

from alerts.ledger.schema import metadata
from alerts.ledger.utc_datetime import UtcDateTime

due_subscriber = Table(
    # When to look next at what a subscriber is to be sent. A hint: looking finds out exactly.
    "due_subscriber",
    metadata,
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), primary_key=True),
    Column(  # at most a month ahead, or at the end of a pause
        "due_at", UtcDateTime, nullable=False, info={"ahead": timedelta(days=32)}
    ),
    # last_due_at of the subscriptions is exact: rounds that found nothing are counted in it.
    Column("is_settled", Boolean, nullable=False, server_default=false()),
    Column("has_failed", Boolean, nullable=False, server_default=false()),  # at the last look
    Index("ix_due_subscriber_due_at", "due_at", "subscriber_id"),
    Index(
        "ix_due_subscriber_has_failed",
        "has_failed",
        sqlite_where=text("has_failed = 1"),
        postgresql_where=text("has_failed"),
    ),
)

digest_round = Table(
    # When digests were composed: the first round of a quarter of an hour, and each after changes.
    "digest_round",
    metadata,
    Column("moment", UtcDateTime, primary_key=True),
    Column("newest_seq", Integer, nullable=False),  # of the newest change
)

due_sweep = Table(
    # One row: how far all subscribers have been gone through for what no event makes due.
    "due_sweep",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False),  # that it was begun for, in UTC
    Column("notices_up_to", Integer, nullable=False),  # newest notice when it was begun
    Column("next_id", Integer),  # the subscriber to go on with; null when it is done
)
