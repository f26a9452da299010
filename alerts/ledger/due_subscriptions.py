"""Which subscriptions are due, what waits for them, and how far each has been served."""

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
    func,
    or_,
    select,
    update,
)

from alerts.ledger.schema import change, match, subscriber, subscription, topic
from alerts.model import Frequency, SubscribedTopic, Updates, list_change_kinds


class DigestGroup(msgspec.Struct, frozen=True):
    """All who share a frequency, a zone and an hour: they are due at the same moments."""

    frequency: Frequency
    zone: str
    hour: int

    @property
    def zone_and_hour(self) -> tuple[str, int]:
        """What the rounds that one subscriber is in have in common."""
        return self.zone, self.hour


def list_groups(connection: Connection) -> list[DigestGroup]:
    """The rounds that anybody is in."""
    rows = connection.execute(
        select(subscription.c.frequency, subscriber.c.zone, subscriber.c.hour)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscription.c.ended_at.is_(None))
        .distinct()
    )
    groups = (DigestGroup(Frequency(every), zone, hour) for every, zone, hour in rows)
    return sorted(groups, key=str)


def is_due(group: DigestGroup, due: datetime) -> ColumnElement[bool]:
    """Subscriptions of a round that are to be served for a due time; subscribers are joined."""
    return and_(
        subscriber.c.zone == group.zone,
        subscriber.c.hour == group.hour,
        subscriber.c.suspended_at.is_(None),
        or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= due),
        _is_subscription_due(group, due),
    )


def _is_subscription_due(group: DigestGroup, due: datetime) -> ColumnElement[bool]:
    return and_(
        subscription.c.ended_at.is_(None),
        subscription.c.paused_at.is_(None),
        subscription.c.frequency == group.frequency,
        or_(subscription.c.last_due_at.is_(None), subscription.c.last_due_at < due),
    )


def _is_unsent_change() -> ColumnElement[bool]:
    """Changes that alert, newer than what a subscription was sent, of the kinds it wants."""
    kinds = [
        and_(subscription.c.updates == updates, change.c.kind.in_(list_change_kinds(updates)))
        for updates in get_args(Updates)
        if updates != "all"
    ]
    return and_(
        change.c.seq > subscription.c.sent_up_to,
        change.c.silence_reason.is_(None),
        or_(subscription.c.updates == "all", *kinds),
    )


class PendingMatch(msgspec.Struct, frozen=True):
    """A match that a due subscription has not been sent."""

    subscriber_id: int
    subscription_id: int
    topic: SubscribedTopic
    change_seq: int


def _select_pending(group: DigestGroup, due: datetime, *columns: ColumnElement[Any]) -> Select[Any]:
    """Something of each match that a round's due subscriptions have not been sent."""
    return (
        select(*columns)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(match, match.c.topic_id == subscription.c.topic_id)
        .join(change, change.c.seq == match.c.change_seq)
        .where(is_due(group, due), _is_unsent_change())
    )


def list_with_pending(connection: Connection, group: DigestGroup, due: datetime) -> list[int]:
    """The subscribers of a round for whom something is pending."""
    wanted = _select_pending(group, due, subscription.c.subscriber_id).distinct()
    return list(connection.execute(wanted.order_by(subscription.c.subscriber_id)).scalars())


def list_pending(
    connection: Connection,
    group: DigestGroup,
    due: datetime,
    subscriber_ids: Sequence[int] | None = None,
) -> list[PendingMatch]:
    """What those of a round who are due have not been sent, in the order of the changes.

    All of them, or the subscribers in ``subscriber_ids``.
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
        _select_pending(group, due, *columns)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .order_by(match.c.change_seq, subscription.c.id)
    )
    if subscriber_ids is not None:
        wanted = wanted.where(subscription.c.subscriber_id.in_(subscriber_ids))
    return [
        PendingMatch(person, key, SubscribedTopic(query, canonical, detail, note), seq)
        for person, key, query, canonical, detail, note, seq in connection.execute(wanted)
    ]


def list_due_subscribers(connection: Connection, group: DigestGroup, due: datetime) -> set[int]:
    """Subscribers of a round with a subscription that was not served for a due time."""
    rows = connection.execute(
        select(subscription.c.subscriber_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(is_due(group, due))
    )
    return set(rows.scalars())


def mark_handled(connection: Connection, handled: Mapping[int, tuple[datetime, int]]) -> None:
    """Note for which due time subscriptions were served, and up to which change."""
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


def mark_empty_handled(connection: Connection, group: DigestGroup, due: datetime) -> int:
    """Note a due time as served for those of a round who had nothing to be sent.

    What comes later that day waits for the next due time, as the subscriber chose. Whoever was
    never sent anything is left out: the first digest comes with the first match, at any hour, so
    that a new subscriber soon knows that it works.
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
            _is_subscription_due(group, due),
            ~waiting.exists(),
        )
        .values(last_due_at=due)
    ).rowcount
