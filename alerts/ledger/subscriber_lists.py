"""Subscribers as the operator's pages list, find and count them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select

from alerts.ledger.bounces import SuppressionReason
from alerts.ledger.schema import pending_subscription, subscriber, subscription

#: Which subscribers a list shows.
SubscriberFilter = Literal["all", "suspended", "paused", "pending"]

_IS_ACTIVE = and_(
    subscription.c.subscriber_id == subscriber.c.id, subscription.c.ended_at.is_(None)
)
_IS_RUNNING = and_(_IS_ACTIVE, subscription.c.paused_at.is_(None))
_IS_PENDING = exists().where(
    pending_subscription.c.subscriber_id == subscriber.c.id,
    pending_subscription.c.confirmed_at.is_(None),
)
_CONDITIONS: dict[SubscriberFilter, list[ColumnElement[bool]]] = {
    "all": [],
    "suspended": [subscriber.c.suspended_at.is_not(None)],
    "paused": [exists().where(_IS_ACTIVE), ~exists().where(_IS_RUNNING)],
    "pending": [_IS_PENDING, ~exists().where(_IS_ACTIVE)],
}

#: The lists that there are.
SHOWN: tuple[SubscriberFilter, ...] = tuple(_CONDITIONS)


class ListedSubscriber(msgspec.Struct, frozen=True):
    """A subscriber in a list."""

    id: int
    email: str  #: an address, or the URL of another recipient
    zone: str
    hour: int
    created_at: datetime
    suspended_at: datetime | None
    suspension_reason: SuppressionReason | None
    paused_until: datetime | None  #: no digest before then, after soft bounces
    alerts: int  #: active
    paused_alerts: int
    is_pending: bool  #: somebody has asked for an alert, and nobody confirmed it yet


def list_subscribers(
    connection: Connection,
    limit: int,
    shown: SubscriberFilter = "all",
    before: int | None = None,
) -> list[ListedSubscriber]:
    """Return subscribers, newest first.

    Args:
        connection: The ledger.
        limit: How many to return at most.
        shown: Which ones.
        before: Only subscribers with a smaller id; None for all.
    """
    wanted = _select().where(*_CONDITIONS[shown]).order_by(subscriber.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(subscriber.c.id < before)
    return _read(connection, wanted)


def search_addresses(connection: Connection, text: str, limit: int) -> list[ListedSubscriber]:
    """Return subscribers whose address has a text in it, in any case, by address."""
    is_like = func.lower(subscriber.c.email).contains(text.lower(), autoescape=True)
    return _read(connection, _select().where(is_like).order_by(subscriber.c.email).limit(limit))


def list_by_ids(connection: Connection, ids: Sequence[int]) -> list[ListedSubscriber]:
    """Return the subscribers with some ids, by address; a few hundred at most."""
    wanted = _select().where(subscriber.c.id.in_(ids)).order_by(subscriber.c.email)
    return _read(connection, wanted)


def find_listed(connection: Connection, subscriber_id: int) -> ListedSubscriber | None:
    """Return the subscriber with an id; None if there is none."""
    return next(iter(_read(connection, _select().where(subscriber.c.id == subscriber_id))), None)


def _select() -> Select[Any]:
    number = select(func.count()).select_from(subscription)
    active = number.where(_IS_ACTIVE).correlate(subscriber).scalar_subquery()
    running = number.where(_IS_RUNNING).correlate(subscriber).scalar_subquery()
    computed = {"alerts", "paused_alerts", "is_pending"}
    columns = [subscriber.c[n] for n in ListedSubscriber.__struct_fields__ if n not in computed]
    return select(
        *columns,
        active.label("alerts"),
        (active - running).label("paused_alerts"),
        _IS_PENDING.label("is_pending"),
    )


def _read(connection: Connection, wanted: Select[Any]) -> list[ListedSubscriber]:
    rows: Sequence[Any] = connection.execute(wanted).all()
    return [
        ListedSubscriber(**dict(row._mapping) | {"is_pending": bool(row.is_pending)})
        for row in rows
    ]


class SubscriberCounts(msgspec.Struct, frozen=True):
    """How many subscribers and alerts there are."""

    confirmed: int  #: with an active alert
    paused: int  #: of these, all of whose alerts are paused
    suspended: int
    pending: int  #: sign-ups that nobody has confirmed yet, by address
    alerts: int  #: active
    topics: int  #: with an active alert
    begun: int  #: subscribers with an alert whose first request was after the moment asked for
    left: int  #: subscribers whose last alert ended after it


def count_subscribers(connection: Connection, since: datetime) -> SubscriberCounts:
    """Return how many subscribers there are, and how many came and left after a moment."""
    active = subscription.c.ended_at.is_(None)
    people = func.count(subscription.c.subscriber_id.distinct())
    confirmed, alerts, topics = connection.execute(
        select(people, func.count(), func.count(subscription.c.topic_id.distinct())).where(active)
    ).one()
    running = select(people).where(active, subscription.c.paused_at.is_(None))
    pending = select(func.count(pending_subscription.c.subscriber_id.distinct())).where(
        pending_subscription.c.confirmed_at.is_(None)
    )
    everybody = select(func.count()).select_from(subscriber)
    has_ended = exists().where(
        subscription.c.subscriber_id == subscriber.c.id, subscription.c.ended_at > since
    )

    def count(wanted: Select[Any]) -> int:
        number: int = connection.execute(wanted).scalar_one()
        return number

    return SubscriberCounts(
        confirmed=confirmed,
        paused=confirmed - count(running),
        suspended=count(everybody.where(subscriber.c.suspended_at.is_not(None))),
        pending=count(pending),
        alerts=alerts,
        topics=topics,
        begun=count(everybody.where(subscriber.c.created_at > since, exists().where(_IS_ACTIVE))),
        left=count(everybody.where(has_ended, ~exists().where(_IS_ACTIVE))),
    )
