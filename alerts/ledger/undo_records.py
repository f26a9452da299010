"""What subscribers changed in the last day, with how their alerts were before.

A record holds what is needed to bring back exactly that state. It is deleted after a day, once it
is undone, and with its subscriber.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, and_, case, delete, func, insert, literal, select, update

from alerts.ledger.due_subscribers import changing
from alerts.ledger.inserts import insert_all_once
from alerts.ledger.schema import digest_item, subscription
from alerts.ledger.undo_schema import undo_record

UndoableAction = Literal["unsubscribe", "edit", "pause", "resume", "schedule"]
"""What a subscriber did. ``schedule``: they set the hour and time zone of their digests."""


class FormerSubscription(msgspec.Struct, frozen=True):
    """What a subscriber can change of a subscription, before they changed it."""

    id: int
    topic_id: int
    query: str
    frequency: str
    updates: str
    detail: str
    note: str | None
    paused_at: datetime | None
    resume_at: datetime | None
    ended_at: datetime | None
    sent_up_to: int


class FormerState(msgspec.Struct, frozen=True):
    """What was before a change."""

    subscriptions: tuple[FormerSubscription, ...] = ()
    #: By the id of a subscription whose query was changed: the one that took its place.
    replaced_by: dict[int, int] = {}
    zone: str | None = None  #: of the schedule, if that was changed
    hour: int | None = None


class UndoRecord(msgspec.Struct, frozen=True):
    """One change that can be undone."""

    id: int
    subscriber_id: int
    action: UndoableAction
    former: FormerState
    done_at: datetime

    @property
    def touched(self) -> frozenset[int]:
        """The ids of the subscriptions that it changed or made."""
        return frozenset(
            (*(one.id for one in self.former.subscriptions), *self.former.replaced_by.values())
        )


_FORMER_COLUMNS = [subscription.c[name] for name in FormerSubscription.__struct_fields__]


def load_former(
    connection: Connection, subscriber_id: int, topic_id: int | None
) -> tuple[FormerSubscription, ...]:
    """Return a subscriber's active subscriptions as they are now: one, or all (None)."""
    mine = [subscription.c.subscriber_id == subscriber_id, subscription.c.ended_at.is_(None)]
    if topic_id is not None:
        mine.append(subscription.c.topic_id == topic_id)
    rows = connection.execute(select(*_FORMER_COLUMNS).where(*mine).order_by(subscription.c.id))
    return tuple(_build_former(row) for row in rows)


def load_by_ids(connection: Connection, ids: Iterable[int]) -> dict[int, FormerSubscription]:
    """Return subscriptions as they are now, active or ended, by their ids."""
    rows = connection.execute(
        select(*_FORMER_COLUMNS).where(subscription.c.id.in_(sorted(ids)))
    ).all()
    return {row.id: _build_former(row) for row in rows}


def _build_former(row: Row[Any]) -> FormerSubscription:
    return FormerSubscription(**row._mapping)


def add(
    connection: Connection,
    subscriber_id: int,
    action: UndoableAction,
    former: FormerState,
    now: datetime,
) -> int:
    """Record a change that was made now; return the id of the record."""
    made: int = connection.execute(
        insert(undo_record)
        .values(
            subscriber_id=subscriber_id,
            action=action,
            former=msgspec.json.encode(former).decode(),
            done_at=now,
        )
        .returning(undo_record.c.id)
    ).scalar_one()
    return made


def list_since(connection: Connection, subscriber_id: int, since: datetime) -> list[UndoRecord]:
    """Return what a subscriber changed after a moment, newest first."""
    rows = connection.execute(
        select(undo_record)
        .where(undo_record.c.subscriber_id == subscriber_id, undo_record.c.done_at > since)
        .order_by(undo_record.c.id.desc())
    )
    return [
        UndoRecord(
            row.id,
            row.subscriber_id,
            row.action,
            msgspec.json.decode(row.former, type=FormerState),
            row.done_at,
        )
        for row in rows
    ]


def delete_one(connection: Connection, record_id: int) -> None:
    """Delete a record, which was undone."""
    connection.execute(delete(undo_record).where(undo_record.c.id == record_id))


def delete_old(connection: Connection, before: datetime) -> None:
    """Delete the records of what was changed before a moment."""
    connection.execute(delete(undo_record).where(undo_record.c.done_at <= before))


def find_oldest(connection: Connection) -> datetime | None:
    """Return when the oldest change was made that can be undone; None without one."""
    return connection.execute(select(func.min(undo_record.c.done_at))).scalar()


def restore_former(connection: Connection, former: FormerSubscription, *, rewinds: bool) -> None:
    """Set a subscription back to what it was.

    Args:
        connection: The ledger.
        former: What it was.
        rewinds: Whether what it was not sent since, because it wanted less, is to be sent. What
            its digests contain is not sent again.
    """
    names = ("query", "frequency", "updates", "detail", "note", "paused_at", "resume_at")
    values: dict[str, Any] = {name: getattr(former, name) for name in names}
    values["ended_at"] = former.ended_at
    if rewinds:
        is_later = subscription.c.sent_up_to > former.sent_up_to
        values["is_rewound"] = case((is_later, literal(True)), else_=subscription.c.is_rewound)
        values["sent_up_to"] = case(
            (is_later, literal(former.sent_up_to)), else_=subscription.c.sent_up_to
        )
    mine = subscription.c.id == former.id
    owners = connection.execute(select(subscription.c.subscriber_id).where(mine)).scalars().all()
    with changing(connection, owners):
        connection.execute(update(subscription).where(mine).values(values))


def carry_over(connection: Connection, from_id: int, to_id: int) -> None:
    """Let what the digests of one subscription contain count as sent to another one.

    Args:
        connection: The ledger.
        from_id: The subscription that was sent digests.
        to_id: The subscription that takes its place.
    """
    reached = select(subscription.c.sent_up_to).where(subscription.c.id == to_id).scalar_subquery()
    rows = connection.execute(
        select(digest_item.c.change_seq, digest_item.c.message_id).where(
            and_(digest_item.c.subscription_id == from_id, digest_item.c.change_seq > reached)
        )
    ).all()
    if not rows:
        return
    items: Sequence[dict[str, int]] = [
        {"subscription_id": to_id, "change_seq": row.change_seq, "message_id": row.message_id}
        for row in rows
    ]
    insert_all_once(connection, digest_item, items)
    connection.execute(
        update(subscription).where(subscription.c.id == to_id).values(is_rewound=True)
    )
