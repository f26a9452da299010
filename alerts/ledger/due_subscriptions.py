"""Subscriptions that are due, and the matches that they have not been sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.schema import change, digest_item, match, subscriber, subscription, topic
from alerts.model import Frequency, SubscribedTopic, Updates, list_change_kinds


class DigestGroup(msgspec.Struct, frozen=True):
    """The subscriptions that are always due at the same time."""

    frequency: Frequency
    zone: str
    hour: int

    @property
    def zone_and_hour(self) -> tuple[str, int]:
        """Time zone and hour, which all groups of one subscriber share."""
        return self.zone, self.hour


def list_groups(connection: Connection) -> list[DigestGroup]:
    """Return the groups that have an active subscription.

    A damaged row is passed over: see :mod:`alerts.ledger.damaged_rows`.
    """
    rows = connection.execute(
        select(subscription.c.frequency, subscriber.c.zone, subscriber.c.hour)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            subscription.c.ended_at.is_(None),
            subscription.c.frequency.in_([str(every) for every in Frequency]),
            subscriber.c.hour.between(0, 23),
        )
        .distinct()
    )
    groups = (DigestGroup(Frequency(every), zone, hour) for every, zone, hour in rows)
    return sorted(groups, key=str)


def is_due(group: DigestGroup, due: datetime, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a subscription of a group is not handled for a due time.

    One that is handled for a time after ``now`` was dated by a wrong clock: that is not believed.
    The statement must join the tables ``subscription`` and ``subscriber``.
    """
    return and_(
        subscriber.c.zone == group.zone,
        subscriber.c.hour == group.hour,
        subscriber.c.suspended_at.is_(None),
        or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= due),
        _is_subscription_due(group, due, now),
    )


def _is_subscription_due(group: DigestGroup, due: datetime, now: datetime) -> ColumnElement[bool]:
    return and_(
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
        subscription.c.frequency == group.frequency,
        or_(
            subscription.c.last_due_at.is_(None),
            subscription.c.last_due_at < due,
            subscription.c.last_due_at > now + TOLERANCE,
        ),
    )


def _is_unsent_change() -> ColumnElement[bool]:
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


class PendingMatch(msgspec.Struct, frozen=True):
    """A match that a due subscription has not been sent."""

    subscriber_id: int
    subscription_id: int
    topic: SubscribedTopic
    change_seq: int


def _select_pending(
    group: DigestGroup, due: datetime, now: datetime, *columns: ColumnElement[Any]
) -> Select[Any]:
    """Select columns of each match that the due subscriptions of a group were not sent."""
    return (
        select(*columns)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(match, match.c.topic_id == subscription.c.topic_id)
        .join(change, change.c.seq == match.c.change_seq)
        .where(is_due(group, due, now), _is_unsent_change())
    )


def list_with_pending(
    connection: Connection, group: DigestGroup, due: datetime, now: datetime
) -> list[int]:
    """Return the ids of the subscribers in a group who have a pending match."""
    wanted = _select_pending(group, due, now, subscription.c.subscriber_id).distinct()
    return list(connection.execute(wanted.order_by(subscription.c.subscriber_id)).scalars())


def list_pending(
    connection: Connection,
    group: DigestGroup,
    due: datetime,
    now: datetime,
    subscriber_ids: Sequence[int] | None = None,
) -> list[PendingMatch]:
    """Return the pending matches of the due subscriptions of a group, in the order of the changes.

    Args:
        connection: The ledger.
        group: The group that is due.
        due: Its due time.
        now: The time.
        subscriber_ids: Only matches of these subscribers; None for all.
    """
    columns = (
        subscription.c.subscriber_id,
        subscription.c.id,
        subscription.c.query,
        topic.c.canonical,
        subscription.c.detail,
        subscription.c.note,
        match.c.change_seq,
    )
    wanted = (
        _select_pending(group, due, now, *columns)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .order_by(match.c.change_seq, subscription.c.id)
    )
    if subscriber_ids is not None:
        wanted = wanted.where(subscription.c.subscriber_id.in_(subscriber_ids))
    return [
        PendingMatch(person, key, SubscribedTopic(query, canonical, detail, note), seq)
        for person, key, query, canonical, detail, note, seq in connection.execute(wanted)
    ]


def list_due_subscribers(
    connection: Connection, group: DigestGroup, due: datetime, now: datetime
) -> set[int]:
    """Return the ids of the subscribers with a subscription not handled for a due time."""
    rows = connection.execute(
        select(subscription.c.subscriber_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(is_due(group, due, now))
    )
    return set(rows.scalars())


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


def mark_empty_handled(
    connection: Connection, group: DigestGroup, due: datetime, now: datetime
) -> int:
    """Record a due time as handled for the subscriptions of a group without a pending match.

    Matches that come later wait for the next due time. A subscription that was never sent a digest
    is left out: its first digest is sent as soon as there is a match, whatever the hour, so that a
    new subscriber sees that it works. Returns how many subscriptions were updated.
    """
    if group.frequency.is_immediate:
        return 0
    here = select(subscriber.c.id).where(
        subscriber.c.zone == group.zone, subscriber.c.hour == group.hour
    )
    waiting = (
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(match.c.topic_id == subscription.c.topic_id, _is_unsent_change())
    )
    return connection.execute(
        update(subscription)
        .where(
            subscription.c.subscriber_id.in_(here),
            subscription.c.last_due_at.is_not(None),
            _is_subscription_due(group, due, now),
            ~waiting.exists(),
        )
        .values(last_due_at=due)
    ).rowcount
