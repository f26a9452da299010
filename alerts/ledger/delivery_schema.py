"""The tables of deliveries; the messages themselves are in :mod:`alerts.ledger.schema`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    false,
    text,
)

from alerts.ledger.schema import message, metadata
from alerts.ledger.utc_datetime import UtcDateTime

#: How far the leases may lie ahead: the longest timeout of a channel, and as much again.
_AHEAD = {"ahead": timedelta(hours=2)}

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("message.id"), nullable=False, index=True),
    Column("attempted_at", UtcDateTime, nullable=False),
    Column("outcome", Text, nullable=False),  # alerts.ledger.messages.DeliveryOutcome
    Column("detail", Text),
    Index("ix_delivery_attempt_outcome_attempted_at", "outcome", "attempted_at"),
)

channel_licence = Table(
    # Each row lets one connection of a channel be open, whichever process has it.
    "channel_licence",
    metadata,
    Column("channel", Text, primary_key=True),  # the name of its section
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("holder", Text),  # as in message
    Column("lease_until", UtcDateTime, info=_AHEAD),
)

channel_state = Table(
    # What all deliveries over a channel share.
    "channel_state",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("next_turn", Float),  # of mail.per_second; seconds since 1970 by the database's clock
    Column("shut_at", UtcDateTime),  # when replies showed that nothing more should be sent
    Column("shut_until", UtcDateTime, info=_AHEAD),
    Column("shut_by", Text),  # the delivery that found it, as in message.holder
    Column("shut_reason", Text),
    Column("is_refusal", Boolean, nullable=False, server_default=false()),  # it refuses us
)

digest_limit = Table(
    # One row: how many digests of the last 24 hours are sent or claimed, or fewer than so many.
    "digest_limit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("taken", Integer, nullable=False),
)


def _index_messages(name: str, *columns: str, only: str) -> None:
    Index(
        name,
        *(message.c[column] for column in columns),
        sqlite_where=text(only),
        postgresql_where=text(only),
    )


_index_messages("ix_message_waiting", "lane", "due_at", "id", only="phase = 'queued'")
# The second also has messages in doubt, which nobody has claimed.
_index_messages("ix_message_claimed", "lease_until", only="phase IN ('sending', 'handing_over')")
