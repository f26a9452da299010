"""Subscribers and their subscriptions."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from alerts.due import Frequency
from alerts.ledger.base import insert_once
from alerts.ledger.tables import subscriber, subscription, topic

Wants = Literal["all", "asked", "answered"]
Origin = Literal["config", "command"]


class Subscriber(msgspec.Struct, frozen=True):
    """One address."""

    id: int
    email: str
    token: str
    zone: str
    hour: int


class Subscription(msgspec.Struct, frozen=True):
    """What one subscriber watches for."""

    id: int
    subscriber_id: int
    topic_id: int
    email: str
    query: str
    canonical: str
    frequency: Frequency
    wants: Wants
    origin: Origin
    served_at: datetime | None
    ended_at: datetime | None


def ensure_subscriber(
    connection: Connection, email: str, zone: str, hour: int, now: datetime
) -> Subscriber:
    """The subscriber with an address (already normalised), made where there is none."""
    insert_once(
        connection,
        subscriber,
        email=email,
        # A token is typed as an argument too, where a leading hyphen would make it an option.
        token=secrets.token_urlsafe(16).replace("-", "_"),
        zone=zone,
        hour=hour,
        created_at=now,
    )
    found = get_subscriber(connection, subscriber.c.email == email)
    assert found is not None
    return found


def by_token(connection: Connection, token: str) -> Subscriber | None:
    """The subscriber whom a link in an email belongs to."""
    return get_subscriber(connection, subscriber.c.token == token)


def by_email(connection: Connection, email: str) -> Subscriber | None:
    """The subscriber with a (normalised) address."""
    return get_subscriber(connection, subscriber.c.email == email)


def get_subscriber(connection: Connection, where: ColumnElement[bool]) -> Subscriber | None:
    """The one subscriber for whom ``where`` holds."""
    columns = [subscriber.c[name] for name in Subscriber.__struct_fields__]
    row = connection.execute(select(*columns).where(where)).one_or_none()
    return Subscriber(**row._mapping) if row else None


class Wish(msgspec.Struct, frozen=True):
    """What is asked for in a subscription."""

    query: str
    frequency: Frequency
    wants: Wants
    origin: Origin


def subscribe(
    connection: Connection, who: int, topic_id: int, wish: Wish, newest: int, now: datetime
) -> bool:
    """Subscribe to a topic from change ``newest`` on; True when that changed anything.

    Whoever is subscribed to it already keeps their place and gets the new frequency; whoever had
    left begins anew, so that nothing of the time between is sent.
    """
    values = {"query": wish.query, "frequency": wish.frequency, "wants": wish.wants}
    made = insert_once(
        connection,
        subscription,
        subscriber_id=who,
        topic_id=topic_id,
        origin=wish.origin,
        created_at=now,
        sent_to=newest,
        **values,
    )
    if made:
        return True
    mine = and_(subscription.c.subscriber_id == who, subscription.c.topic_id == topic_id)
    again = connection.execute(
        update(subscription)
        .where(mine, subscription.c.ended_at.is_not(None))
        .values(**values, origin=wish.origin, ended_at=None, served_at=None, sent_to=newest)
    )
    differs = or_(*(subscription.c[name] != value for name, value in values.items()))
    edited = connection.execute(update(subscription).where(mine, differs).values(**values))
    return bool(again.rowcount or edited.rowcount)


def unsubscribe(
    connection: Connection, who: int, now: datetime, topic_id: int | None = None
) -> int:
    """End one of a subscriber's subscriptions, or all; how many that were."""
    ending = update(subscription).where(
        subscription.c.subscriber_id == who, subscription.c.ended_at.is_(None)
    )
    if topic_id is not None:
        ending = ending.where(subscription.c.topic_id == topic_id)
    return connection.execute(ending.values(ended_at=now)).rowcount


def living(connection: Connection) -> list[Subscription]:
    """Every subscription that has not ended, by address and query."""
    columns = {
        "email": subscriber.c.email,
        "canonical": topic.c.canonical,
    } | {c.name: c for c in subscription.c if c.name in Subscription.__struct_fields__}
    rows = connection.execute(
        select(*(columns[name].label(name) for name in Subscription.__struct_fields__))
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(subscription.c.ended_at.is_(None))
        .order_by(subscriber.c.email, topic.c.canonical)
    )
    return [Subscription(**row._mapping) for row in rows]
