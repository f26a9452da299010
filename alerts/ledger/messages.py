"""The outbox: messages with their final bytes, and the phase that each has reached.

Because of the phase, sending can be killed at any time. ``sending`` is committed before the
connection is used: a message found in it was certainly not accepted. ``handing_over`` is committed
just before the byte that completes the message: one found in it may have been accepted, and is in
doubt.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    update,
)

from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import insert_once
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
DeliveryOutcome = Literal["sent", "retry", "refused", "failed", "content_rejected", "in_doubt"]

#: Phases of a message that may still be sent.
UNSENT_PHASES = ("queued", "sending", "handing_over")
#: Kinds that are sent whether or not their recipient has an active subscription.
_TRANSACTIONAL_KINDS: tuple[MessageKind, ...] = ("confirmation", "manage_link", "operator")
#: Of these, the kinds that their recipient asks for on our pages.
_REQUESTED_KINDS: tuple[MessageKind, ...] = ("confirmation", "manage_link")
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
    claim_epoch: int = 0  #: how often a delivery has claimed it
    is_readable: bool = True  #: False where the stored bytes are damaged; then ``body`` is empty


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
    Ledger.announce(connection, "deliver")
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


def get(connection: Connection, keys: Sequence[int]) -> list[Message]:
    """Return the messages with the given ids, in that order, without those that are gone."""
    columns = [message.c[name] for name in Message.__struct_fields__ if name != "is_readable"]
    rows = connection.execute(select(*columns).where(message.c.id.in_(keys)))
    found = {row.id: _read_message(row) for row in rows}
    return [found[key] for key in keys if key in found]


def _read_message(row: Row[tuple[object, ...]]) -> Message:
    values = dict(row._mapping)
    try:
        body = decompress_body(values["body"])
    except ValueError:
        return Message(**values | {"body": b"", "is_readable": False})
    return Message(**values | {"body": body})


def decompress_body(body: bytes) -> bytes:
    """Return a stored body as it is sent. The first versions stored bodies uncompressed.

    Raises:
        ValueError: It is damaged.
    """
    try:
        if body.startswith(b"x\x01"):
            return zlib.decompress(body)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    body.decode()  # raises for compressed bytes whose first ones are damaged
    if not body:
        raise ValueError("it is empty")
    return body


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
                message.c.kind.in_(_REQUESTED_KINDS),
                and_(is_transactional, subscriber.c.suspension_reason != "complaint"),
            ),
            or_(is_transactional, active_items, and_(or_(gives_notice, ~items), any_active)),
        )
    )


#: Built once, because it is executed for every message just before its last byte.
_DELIVERABLE = _select_deliverable()


def filter_deliverable(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Return the ids of the messages that are still wanted.

    - Confirmation, manage-link and operator emails always are. - A digest is while a subscription
    that it was composed for is active. - A digest that gives a notice, or only reports overdue
    questions, is while its subscriber has any
      active subscription.

    A suspended subscriber is sent no digest. They are sent what they ask for, so that they can end
    the suspension: confirmation and manage-link emails. Operator emails are sent after bounces, not
    after a complaint.
    """
    return set(connection.execute(_DELIVERABLE, {"keys": list(keys)}).scalars())


#: The values of a message that no delivery holds.
RELEASED: dict[str, Any] = {"holder": None, "lease_until": None}


def set_phase(connection: Connection, keys: Sequence[int], phase: MessagePhase) -> None:
    """Set the phase of messages. No delivery holds them any more."""
    if keys:
        changed = update(message).where(message.c.id.in_(keys))
        connection.execute(changed.values(phase=phase, **RELEASED))


class SentMessage(msgspec.Struct, frozen=True):
    """A message that a report is about."""

    id: int
    kind: MessageKind
    subscriber_id: int
    recipient: str


def find_by_number(connection: Connection, number: int) -> SentMessage | None:
    """Return the message with an id; None if there is none."""
    return _find_sent(connection, message.c.id == number)


def find_by_message_id(connection: Connection, message_id: str) -> SentMessage | None:
    """Return the message with a Message-ID; None if there is none."""
    return _find_sent(connection, message.c.message_id == message_id)


def _find_sent(connection: Connection, where: ColumnElement[bool]) -> SentMessage | None:
    columns = [message.c[name] for name in SentMessage.__struct_fields__]
    row = connection.execute(select(*columns).where(where)).first()
    return SentMessage(*row) if row else None


class DigestItem(msgspec.Struct, frozen=True):
    """A change that a digest shows for one of its subscriber's topics."""

    topic: SubscribedTopic
    subscription_id: int
    change_seq: int


def list_digest_items(connection: Connection, message_id: str, since: datetime) -> list[DigestItem]:
    """Return what a digest consists of, in the order of the changes.

    Empty if there is no such message, or it was composed before ``since``.
    """
    rows = connection.execute(
        select(
            subscription.c.query,
            topic.c.canonical,
            subscription.c.detail,
            subscription.c.note,
            subscription.c.id,
            digest_item.c.change_seq,
        )
        .join(digest_item, digest_item.c.subscription_id == subscription.c.id)
        .join(message, message.c.id == digest_item.c.message_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(message.c.message_id == message_id, message.c.composed_at > since)
        .order_by(digest_item.c.change_seq, subscription.c.id)
    )
    return [
        DigestItem(SubscribedTopic(query, canonical, detail, note), key, seq)
        for query, canonical, detail, note, key, seq in rows
    ]


def list_digested_changes(
    connection: Connection, subscriber_id: int, change_seqs: Collection[int]
) -> set[int]:
    """Return which of some changes are in a digest of a subscriber, for whichever topic."""
    wanted = (
        select(digest_item.c.change_seq)
        .join(subscription, subscription.c.id == digest_item.c.subscription_id)
        .where(
            subscription.c.subscriber_id == subscriber_id,
            digest_item.c.change_seq.in_(change_seqs),
        )
    )
    return set(connection.execute(wanted).scalars())
