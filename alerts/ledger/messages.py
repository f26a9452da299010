"""The outbox: messages with their bytes fixed, the phase each has come to, every attempt.

The phase is what makes sending safe to kill. ``sending`` was committed before the connection was
used: such a message was certainly not accepted. ``dot`` was committed just before the byte that
hands it over: such a message may have been accepted, so it is *in doubt*.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from alerts.ledger.base import insert_once
from alerts.ledger.tables import (
    delivery,
    digest,
    digest_item,
    digest_notice,
    message,
    subscription,
)

Phase = Literal["queued", "sending", "dot", "sent", "failed", "held", "dropped"]
Outcome = Literal["sent", "retry", "failed", "doubt"]


class Message(msgspec.Struct, frozen=True):
    """A digest rendered, in the bytes that go out."""

    id: int
    message_id: str
    recipient: str
    subject: str
    body: bytes
    phase: Phase
    attempts: int
    due_at: datetime
    composed_at: datetime


class Composed(msgspec.Struct, frozen=True):
    """What composing writes: a digest, what is in it, and the message."""

    subscriber_id: int
    period: str
    message_id: str
    recipient: str
    subject: str
    body: bytes
    items: tuple[tuple[int, int], ...] = ()  #: (subscription, change)
    notices: tuple[int, ...] = ()


def queue(connection: Connection, composed: Composed, now: datetime) -> bool:
    """Write a digest and its message; False when this very digest exists already."""
    made = insert_once(
        connection,
        digest,
        subscriber_id=composed.subscriber_id,
        period=composed.period,
        composed_at=now,
    )
    if made is None:
        return False
    for who, seq in composed.items:
        item = {"digest_id": made[0], "subscription_id": who, "change_seq": seq}
        connection.execute(insert(digest_item).values(**item))
    for notice_id in composed.notices:
        told = {"subscriber_id": composed.subscriber_id, "notice_id": notice_id}
        connection.execute(insert(digest_notice).values(**told, digest_id=made[0]))
    connection.execute(
        insert(message).values(
            digest_id=made[0],
            message_id=composed.message_id,
            recipient=composed.recipient,
            subject=composed.subject,
            body=composed.body,
            phase="queued",
            attempts=0,
            due_at=now,
            composed_at=now,
        )
    )
    return True


def due(connection: Connection, now: datetime) -> list[int]:
    """Ids of the messages to be sent now, oldest first, those in doubt among them."""
    rows = connection.execute(
        select(message.c.id)
        .where(message.c.phase.in_(("queued", "sending", "dot")), message.c.due_at <= now)
        .order_by(message.c.due_at, message.c.id)
    )
    return list(rows.scalars())


def get(connection: Connection, key: int) -> Message:
    """One message."""
    columns = [message.c[name] for name in Message.__struct_fields__]
    row = connection.execute(select(*columns).where(message.c.id == key)).one()
    return Message(**row._mapping)


def still_wanted(connection: Connection, key: int) -> bool:
    """Whether any subscription that a message was composed for is still alive.

    A notice is for all of a subscriber's; what is in no digest at all, a letter to the operator,
    is always wanted.
    """
    mine = select(message.c.digest_id).where(message.c.id == key).scalar_subquery()
    for_items = select(subscription.c.ended_at).join(
        digest_item, digest_item.c.subscription_id == subscription.c.id
    )
    for_notices = select(subscription.c.ended_at).join(
        digest_notice, digest_notice.c.subscriber_id == subscription.c.subscriber_id
    )
    ends = [
        *connection.execute(for_items.where(digest_item.c.digest_id == mine)).scalars(),
        *connection.execute(for_notices.where(digest_notice.c.digest_id == mine)).scalars(),
    ]
    return not ends or None in ends


def advance(connection: Connection, key: int, phase: Phase) -> None:
    """Note that a message has come to ``phase``."""
    connection.execute(update(message).where(message.c.id == key).values(phase=phase))


class Attempt(msgspec.Struct, frozen=True):
    """How one attempt ended, and what follows from it."""

    outcome: Outcome
    detail: str | None
    phase: Phase
    due_at: datetime


def attempted(connection: Connection, key: int, attempt: Attempt, now: datetime) -> None:
    """Record an attempt and what becomes of its message."""
    connection.execute(
        insert(delivery).values(
            message_id=key, attempted_at=now, outcome=attempt.outcome, detail=attempt.detail
        )
    )
    connection.execute(
        update(message)
        .where(message.c.id == key)
        .values(
            phase=attempt.phase,
            attempts=message.c.attempts + 1,
            due_at=attempt.due_at,
            sent_at=now if attempt.phase == "sent" else None,
        )
    )


def in_phase(connection: Connection) -> dict[str, int]:
    """How many messages are in each phase."""
    rows = connection.execute(select(message.c.phase, func.count()).group_by(message.c.phase))
    return {phase: number for phase, number in rows}  # noqa: C416  # rows are no pairs to dict()


class Sent(msgspec.Struct, frozen=True):
    """A message and how its last attempt ended, as the operator is shown it."""

    id: int
    recipient: str
    subject: str
    phase: Phase
    attempts: int
    composed_at: datetime
    due_at: datetime
    detail: str | None


def newest(
    connection: Connection, phase: Phase | None, recipient: str | None, limit: int
) -> list[Sent]:
    """The newest messages: all, or those in a phase, or to an address."""
    last = (
        select(delivery.c.detail)
        .where(delivery.c.message_id == message.c.id)
        .order_by(delivery.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [message.c[name] for name in Sent.__struct_fields__ if name != "detail"]
    wanted = select(*columns, last.label("detail")).order_by(message.c.id.desc()).limit(limit)
    if phase is not None:
        wanted = wanted.where(message.c.phase == phase)
    if recipient is not None:
        wanted = wanted.where(message.c.recipient == recipient)
    return [Sent(**row._mapping) for row in connection.execute(wanted)]


def retry(connection: Connection, keys: Sequence[int], now: datetime) -> int:
    """Queue messages that failed or are held once more, from now; how many those are."""
    again = (
        update(message)
        .where(message.c.id.in_(keys), message.c.phase.in_(("failed", "held")))
        .values(phase="queued", due_at=now)
    )
    return connection.execute(again).rowcount
