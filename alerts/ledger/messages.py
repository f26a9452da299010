"""The outbox: messages with their bytes fixed, the phase each has come to, every attempt.

The phase is what makes sending safe to kill. ``sending`` was committed before the connection was
used: such a message was certainly not accepted. ``dot`` was committed just before the byte that
hands it over: such a message may have been accepted, so it is *in doubt*.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection, Row, Select, and_, bindparam, exists, insert, or_, select, update

from alerts.ledger.base import insert_once
from alerts.ledger.schema import (
    digest,
    digest_item,
    digest_notice,
    message,
    subscriber,
    subscription,
    topic,
)
from alerts.mail.outgoing import OutgoingMessage
from alerts.model import SubscribedTopic

MessagePhase = Literal["queued", "sending", "dot", "sent", "failed", "held", "dropped"]
DeliveryOutcome = Literal["sent", "retry", "failed", "content", "doubt"]

#: Phases of a message that may yet go out.
_UNSENT_PHASES = ("queued", "sending", "dot")
#: A subscription that is to be sent something; one that ended with its last news is, this once.
_IS_ACTIVE = and_(
    or_(subscription.c.ended_at.is_(None), subscription.c.finished),
    subscription.c.paused_at.is_(None),
)


class Message(msgspec.Struct, frozen=True):
    """A digest rendered, in the bytes that go out."""

    id: int
    message_id: str
    recipient: str
    subject: str
    body: bytes
    phase: MessagePhase
    attempts: int
    due_at: datetime
    composed_at: datetime
    marks: bytes  #: what it tells, as :mod:`alerts.delivery.sent_log` remembers it


def queue_message(connection: Connection, new_message: OutgoingMessage, now: datetime) -> bool:
    """Write a digest and its message; False when this very digest exists already."""
    made = insert_once(
        connection,
        digest,
        subscriber_id=new_message.subscriber_id,
        period=new_message.period,
        composed_at=now,
    )
    if made is None:
        return False
    rows = [
        {"digest_id": made[0], "subscription_id": who, "change_seq": seq}
        for who, seq in new_message.items
    ]
    if rows:
        connection.execute(insert(digest_item), rows)
    for notice_id in new_message.notice_ids:
        told = {"subscriber_id": new_message.subscriber_id, "notice_id": notice_id}
        connection.execute(insert(digest_notice).values(**told, digest_id=made[0]))
    connection.execute(
        insert(message).values(
            digest_id=made[0],
            message_id=new_message.message_id,
            recipient=new_message.recipient,
            subject=new_message.subject,
            body=zlib.compress(new_message.body, 1),
            marks=new_message.marks,
            phase="queued",
            lane=new_message.lane,
            attempts=0,
            due_at=now,
            composed_at=now,
        )
    )
    return True


class DueMessage(msgspec.Struct, frozen=True):
    """A message that is to be sent now."""

    id: int
    recipient: str
    lane: int


def list_due(
    connection: Connection, now: datetime, recipient: str | None = None
) -> list[DueMessage]:
    """The messages to be sent now, those in doubt among them: by lane, then oldest first.

    All of them, or those to the address ``recipient``.
    """
    wanted = (
        select(message.c.id, message.c.recipient, message.c.lane)
        .where(message.c.phase.in_(_UNSENT_PHASES), message.c.due_at <= now)
        .order_by(message.c.lane, message.c.due_at, message.c.id)
    )
    if recipient is not None:
        wanted = wanted.where(message.c.recipient == recipient)
    return [DueMessage(*row) for row in connection.execute(wanted)]


def get(connection: Connection, keys: Sequence[int]) -> list[Message]:
    """Some messages, in the order of ``keys``."""
    columns = [message.c[name] for name in Message.__struct_fields__]
    rows = connection.execute(select(*columns).where(message.c.id.in_(keys)))
    found = {row.id: _read_message(row) for row in rows}
    return [found[key] for key in keys]


def _read_message(row: Row[tuple[object, ...]]) -> Message:
    values = dict(row._mapping)
    return Message(**values | {"body": decompress_body(values["body"])})


def decompress_body(body: bytes) -> bytes:
    """A body as it goes out; before they were packed they began with the name of a field."""
    return zlib.decompress(body) if body.startswith(b"x\x01") else body


def _select_deliverable() -> Select[int]:
    items = exists().where(digest_item.c.digest_id == message.c.digest_id)
    living_items = items.where(subscription.c.id == digest_item.c.subscription_id, _IS_ACTIVE)
    told = exists().where(digest_notice.c.digest_id == message.c.digest_id)
    living = exists().where(subscription.c.subscriber_id == subscriber.c.id, _IS_ACTIVE)
    return (
        select(message.c.id)
        .join(digest, digest.c.id == message.c.digest_id)
        .join(subscriber, subscriber.c.id == digest.c.subscriber_id)
        .where(
            message.c.id.in_(bindparam("keys", expanding=True)),
            or_(
                subscriber.c.suspended_at.is_(None),
                and_(message.c.lane == 0, subscriber.c.suspended_because != "complaint"),
            ),
            or_(
                living_items,
                and_(told, living),
                and_(~items, ~told, or_(message.c.lane == 0, living)),
            ),
        )
    )


#: Put together once: it is asked for every message, just before its last byte.
_DELIVERABLE = _select_deliverable()


def filter_deliverable(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which of some messages are still wanted.

    A digest is while any subscription that it was composed for is alive; one that only gives
    notice, or says that a question is overdue, while its subscriber has any. A letter to the
    operator or a confirmation always is. Nothing goes to a mailbox that is given up, but for a
    confirmation: whoever signs up again after bounces is to have it.
    """
    return set(connection.execute(_DELIVERABLE, {"keys": list(keys)}).scalars())


def set_phase(connection: Connection, keys: Sequence[int], phase: MessagePhase) -> None:
    """Note that messages have come to ``phase``."""
    if keys:
        connection.execute(update(message).where(message.c.id.in_(keys)).values(phase=phase))


def mark_untried(connection: Connection, keys: Sequence[int]) -> None:
    """Note that messages were not tried after all."""
    if keys:
        waiting = and_(message.c.id.in_(keys), message.c.phase == "sending")
        connection.execute(update(message).where(waiting).values(phase="queued"))


def find_subscriber_id(connection: Connection, message_or_id: int | str) -> int | None:
    """Whom a message was for, by its number or its Message-ID; None where there is none."""
    is_number = isinstance(message_or_id, int)
    column = message.c.id if is_number else message.c.message_id
    return connection.execute(
        select(digest.c.subscriber_id)
        .join(message, message.c.digest_id == digest.c.id)
        .where(column == message_or_id)
    ).scalar()


def list_digest_items(
    connection: Connection, message_id: str, since: datetime
) -> list[tuple[SubscribedTopic, int]]:
    """What a digest that was composed after ``since`` was made of: watches, changes' numbers."""
    rows = connection.execute(
        select(
            *(subscription.c.query, topic.c.canonical, topic.c.question_id),
            *(subscription.c.length, subscription.c.note, digest_item.c.change_seq),
        )
        .join(digest_item, digest_item.c.subscription_id == subscription.c.id)
        .join(message, message.c.digest_id == digest_item.c.digest_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(message.c.message_id == message_id, message.c.composed_at > since)
        .order_by(digest_item.c.change_seq, subscription.c.id)
    )
    return [
        (SubscribedTopic(query, canonical if question_id is None else None, length, note), seq)
        for query, canonical, question_id, length, note, seq in rows
    ]
