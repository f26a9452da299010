"""What the subscriptions of some subscribers were not sent, and what decides whether it is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.schema import change, digest_item, match, subscriber, subscription, topic
from alerts.model import Frequency, SubscribedTopic, Updates, list_change_kinds


class DigestGroup(msgspec.Struct, frozen=True):
    """The subscriptions that are always due at the same time."""

    frequency: Frequency
    zone: str
    hour: int


class SubscriptionState(msgspec.Struct, frozen=True):
    """What decides whether a subscription is due."""

    subscriber_id: int
    subscription_id: int
    group: DigestGroup
    last_due_at: datetime | None  #: the last due time that it is known to be handled for
    paused_until: datetime | None  #: no digest for a due time before then
    is_settled: bool  #: whether ``last_due_at`` also counts the rounds that found nothing

    def is_due(self, due: datetime, now: datetime) -> bool:
        """Return whether it is not handled for a due time.

        One that is handled for a time after ``now`` was dated by a wrong clock: that is not
        believed.
        """
        if self.paused_until is not None and self.paused_until > due:
            return False
        last = self.last_due_at
        return last is None or last < due or last > now + TOLERANCE


class PendingMatch(msgspec.Struct, frozen=True):
    """A match that a subscription has not been sent."""

    subscriber_id: int
    subscription_id: int
    topic: SubscribedTopic
    change_seq: int


#: What :func:`read_state` reads.
STATE_COLUMNS: Sequence[ColumnElement[Any]] = (
    subscription.c.subscriber_id,
    subscription.c.id.label("subscription_id"),
    subscription.c.frequency,
    subscriber.c.zone,
    subscriber.c.hour,
    subscription.c.last_due_at,
    subscriber.c.paused_until,
    due_subscriber.c.is_settled,
)
#: The tables of these columns.
STATE_TABLES = subscription.join(
    subscriber, subscriber.c.id == subscription.c.subscriber_id
).outerjoin(due_subscriber, due_subscriber.c.subscriber_id == subscription.c.subscriber_id)


def read_state(row: Row[Any]) -> SubscriptionState:
    """Return what decides whether a subscription is due, from `STATE_COLUMNS`."""
    return SubscriptionState(
        row.subscriber_id,
        row.subscription_id,
        DigestGroup(Frequency(row.frequency), row.zone, row.hour),
        row.last_due_at,
        row.paused_until,
        bool(row.is_settled),
    )


def is_running() -> ColumnElement[bool]:
    """Return the condition that a subscription is active and not paused.

    A damaged row is passed over: see :mod:`alerts.ledger.damaged_rows`.
    """
    return and_(
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
        subscription.c.frequency.in_([str(every) for every in Frequency]),
        subscriber.c.hour.between(0, 23),
    )


def may_be_sent() -> ColumnElement[bool]:
    """Return the condition that a subscription is running and its subscriber is not suspended."""
    return and_(is_running(), subscriber.c.suspended_at.is_(None))


def is_unsent_change() -> ColumnElement[bool]:
    """Return the condition that a change alerts a subscription and was not handled for it.

    Only where an undo has set a subscription back, what its digests contain is looked up.
    """
    was_digested = exists().where(
        digest_item.c.subscription_id == subscription.c.id,
        digest_item.c.change_seq == change.c.seq,
    )
    kinds = [
        and_(subscription.c.updates == updates, change.c.kind.in_(list_change_kinds(updates)))
        for updates in get_args(Updates)
        if updates != "all"
    ]
    return and_(
        change.c.seq > subscription.c.sent_up_to,
        change.c.silence_reason.is_(None),
        or_(subscription.c.updates == "all", *kinds),
        or_(~subscription.c.is_rewound, ~was_digested),
    )


def list_states(
    connection: Connection, subscriber_ids: Sequence[int], *, is_sent: bool = True
) -> list[SubscriptionState]:
    """Return what decides whether the running subscriptions of some subscribers are due.

    Args:
        connection: The ledger.
        subscriber_ids: The subscribers.
        is_sent: Whether to leave out those who are suspended.
    """
    mine = subscription.c.subscriber_id.in_(subscriber_ids)
    condition = may_be_sent() if is_sent else is_running()
    wanted = select(*STATE_COLUMNS).select_from(STATE_TABLES).where(mine, condition)
    return [read_state(row) for row in connection.execute(wanted)]


def list_pending(
    connection: Connection, subscriber_ids: Sequence[int]
) -> list[tuple[SubscriptionState, PendingMatch]]:
    """Return the matches that some subscribers were not sent, in the order of the changes.

    That includes those that are not due yet.
    """
    wanted: Select[Any] = (
        select(
            *STATE_COLUMNS,
            subscription.c.query,
            topic.c.canonical,
            subscription.c.detail,
            subscription.c.note,
            match.c.change_seq,
        )
        .select_from(STATE_TABLES)
        .join(match, match.c.topic_id == subscription.c.topic_id)
        .join(change, change.c.seq == match.c.change_seq)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(
            subscription.c.subscriber_id.in_(subscriber_ids),
            may_be_sent(),
            # As of the change: so the matches that were sent are not read from the index.
            match.c.change_seq > subscription.c.sent_up_to,
            is_unsent_change(),
        )
        .order_by(match.c.change_seq, subscription.c.id)
    )
    return [(read_state(row), _read_match(row)) for row in connection.execute(wanted)]


def _read_match(row: Row[Any]) -> PendingMatch:
    wanted = SubscribedTopic(row.query, row.canonical, row.detail, row.note)
    return PendingMatch(row.subscriber_id, row.subscription_id, wanted, row.change_seq)


def mark_handled(connection: Connection, handled: Mapping[int, tuple[datetime, int]]) -> None:
    """Record up to where subscriptions are handled.

    Args:
        connection: The ledger.
        handled: Due time and number of the last change, by subscription id.
    """
    if not handled:
        return
    reached = bindparam("reached", type_=Integer)
    newer = func.max if connection.dialect.name == "sqlite" else func.greatest
    connection.execute(
        update(subscription)
        .where(subscription.c.id == bindparam("key"))
        .values(last_due_at=bindparam("due"), sent_up_to=newer(subscription.c.sent_up_to, reached)),
        [{"key": key, "due": due, "reached": to} for key, (due, to) in handled.items()],
    )


def mark_passed(connection: Connection, passed: Mapping[int, datetime]) -> None:
    """Record due times as handled for subscriptions whose reminder is put off to the next one.

    Args:
        connection: The ledger.
        passed: The due time, by subscription id. Those never sent a digest are left out.
    """
    if not passed:
        return
    connection.execute(
        update(subscription)
        .where(subscription.c.id == bindparam("key"), subscription.c.last_due_at.is_not(None))
        .values(last_due_at=bindparam("due")),
        [{"key": key, "due": due} for key, due in passed.items()],
    )


def mark_empty_handled(
    connection: Connection,
    subscription_ids: Sequence[int],
    due: datetime,
    up_to: int | None = None,
) -> None:
    """Record a due time as handled for those of some subscriptions without a pending match.

    Args:
        connection: The ledger.
        subscription_ids: Subscriptions that are not handled for it.
        due: The due time.
        up_to: Only matches of changes up to this number are pending; None for all.
    """
    waiting = (
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(
            match.c.topic_id == subscription.c.topic_id,
            true() if up_to is None else change.c.seq <= up_to,
            is_unsent_change(),
        )
    )
    connection.execute(
        update(subscription)
        .where(subscription.c.id.in_(subscription_ids), ~waiting.exists())
        .values(last_due_at=due)
    )
