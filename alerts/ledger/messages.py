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
    digest_item,
    digest_notice,
    message,
    subscriber,
    subscription,
    topic,
)
from alerts.mail import OutgoingMessage
from alerts.model import MessageKind, SubscribedTopic

MessagePhase = Literal["queued", "sending", "handing_over", "sent", "failed", "in_doubt", "dropped"]
DeliveryOutcome = Literal["sent", "retry", "failed", "content_rejected", "in_doubt"]

#: Phases of a message that may yet go out.
_UNSENT_PHASES = ("queued", "sending", "handing_over")
#: Kinds that are sent whether or not their recipient has an active subscription.
_TRANSACTIONAL_KINDS: tuple[MessageKind, ...] = ("confirmation", "manage_link", "operator")
#: A subscription that may be sent something. One that its question's answer has finished may be
#: sent that answer.
_IS_ACTIVE = and_(
    or_(subscription.c.ended_at.is_(None), subscription.c.is_finished),
    subscription.c.paused_at.is_(None),
)


class Message(msgspec.Struct, frozen=True):
    """A message in the outbox, with the bytes to send."""

    id: int
    kind: MessageKind
    message_id: str
    recipient: str
    subject: str
    body: bytes
    phase: MessagePhase
    attempts: int
    due_at: datetime
    composed_at: datetime
    sent_log_data: bytes  #: keys for the sent log, opaque to the ledger


def queue(connection: Connection, composed: OutgoingMessage, now: datetime) -> bool:
    """Put a message into the outbox; return False if the same message is there already."""
    made = insert_once(
        connection,
        message,
        subscriber_id=composed.subscriber_id,
        kind=composed.kind,
        key=composed.key,
        message_id=composed.message_id,
        recipient=composed.recipient,
        subject=composed.subject,
        body=zlib.compress(composed.body, 1),
        sent_log_data=composed.sent_log_data,
        phase="queued",
        lane=composed.lane,
        attempts=0,
        due_at=now,
        composed_at=now,
    )
    if made is None:
        return False
    _add_contents(connection, made[0], composed)
    return True


def _add_contents(connection: Connection, message_id: int, composed: OutgoingMessage) -> None:
    items = [
        {"message_id": message_id, "subscription_id": subscription_id, "change_seq": seq}
        for subscription_id, seq in composed.items
    ]
    if items:
        connection.execute(insert(digest_item), items)
    given = [
        {
            "message_id": message_id,
            "subscriber_id": composed.subscriber_id,
            "notice_id": notice_id,
        }
        for notice_id in composed.notice_ids
    ]
    if given:
        connection.execute(insert(digest_notice), given)


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
    items = exists().where(digest_item.c.message_id == message.c.id)
    active_items = items.where(subscription.c.id == digest_item.c.subscription_id, _IS_ACTIVE)
    gives_notice = exists().where(digest_notice.c.message_id == message.c.id)
    any_active = exists().where(subscription.c.subscriber_id == subscriber.c.id, _IS_ACTIVE)
    is_transactional = message.c.kind.in_(_TRANSACTIONAL_KINDS)
    return (
        select(message.c.id)
        .join(subscriber, subscriber.c.id == message.c.subscriber_id)
        .where(
            message.c.id.in_(bindparam("keys", expanding=True)),
            or_(
                subscriber.c.suspended_at.is_(None),
                and_(is_transactional, subscriber.c.suspension_reason != "complaint"),
            ),
            or_(is_transactional, active_items, and_(or_(gives_notice, ~items), any_active)),
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
        select(message.c.subscriber_id).where(column == message_or_id)
    ).scalar()


def list_digest_items(
    connection: Connection, message_id: str, since: datetime
) -> list[tuple[SubscribedTopic, int]]:
    """What a digest that was composed after ``since`` was made of: watches, changes' numbers."""
    rows = connection.execute(
        select(
            subscription.c.query,
            topic.c.canonical,
            subscription.c.detail,
            subscription.c.note,
            digest_item.c.change_seq,
        )
        .join(digest_item, digest_item.c.subscription_id == subscription.c.id)
        .join(message, message.c.id == digest_item.c.message_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(message.c.message_id == message_id, message.c.composed_at > since)
        .order_by(digest_item.c.change_seq, subscription.c.id)
    )
    return [
        (SubscribedTopic(query, canonical, detail, note), seq)
        for query, canonical, detail, note, seq in rows
    ]
