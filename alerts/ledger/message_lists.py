"""Messages as the operator's pages list and count them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from alerts.ledger.deliveries import LAST_DETAIL, MessageStatus
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.messages import MessagePhase
from alerts.ledger.schema import message
from alerts.model import MessageKind


class ListedMessage(MessageStatus, frozen=True, kw_only=True):
    """A message as a page lists it, which leads to its subscriber."""

    subscriber_id: int
    kind: MessageKind


def list_messages(
    connection: Connection,
    limit: int,
    phases: Sequence[MessagePhase] = (),
    subscriber_id: int | None = None,
    before: int | None = None,
) -> list[ListedMessage]:
    """Return messages, newest first.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        phases: Only messages in one of these phases; empty for all.
        subscriber_id: Only messages to this subscriber; None for all.
        before: Only messages with a smaller id; None for all.
    """
    names = [name for name in ListedMessage.__struct_fields__ if name != "detail"]
    wanted = select(*(message.c[name] for name in names), LAST_DETAIL.label("detail"))
    wanted = wanted.order_by(message.c.id.desc()).limit(limit)
    if "sent" in phases:  # most are sent: the newest are found at once without the index of phases
        wanted = wanted.where((message.c.phase + "").in_(phases))
    elif phases:
        wanted = wanted.where(message.c.phase.in_(phases))
    if subscriber_id is not None:
        wanted = wanted.where(message.c.subscriber_id == subscriber_id)
    if before is not None:
        wanted = wanted.where(message.c.id < before)
    return [ListedMessage(**row._mapping) for row in connection.execute(wanted)]


class DayOfMessages(msgspec.Struct, frozen=True):
    """How many deliveries ended well and badly between two moments."""

    begin: datetime
    sent: int
    failed: int


def count_between(connection: Connection, begin: datetime, end: datetime) -> DayOfMessages:
    """Return how many messages were accepted and rejected from a moment until before another."""
    counts = {
        outcome: connection.execute(
            select(func.count()).where(
                delivery_attempt.c.outcome == outcome,
                delivery_attempt.c.attempted_at >= begin,
                delivery_attempt.c.attempted_at < end,
            )
        ).scalar_one()
        for outcome in ("sent", "failed", "content_rejected")
    }
    return DayOfMessages(begin, counts["sent"], counts["failed"] + counts["content_rejected"])
