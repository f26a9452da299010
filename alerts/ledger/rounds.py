"""Which subscriptions are due, what waits for them, and how far each has been served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from alerts.due import Frequency
from alerts.ledger.subscriptions import Wants
from alerts.ledger.tables import change, match, subscriber, subscription, topic

#: Kinds of change for each wish; what is not listed goes to all.
_KINDS: dict[Wants, tuple[str, ...]] = {
    "asked": ("asked",),
    "answered": ("answered", "corrected"),
}


class Round(msgspec.Struct, frozen=True):
    """All who share a frequency, a zone and an hour: they are due at the same moments."""

    frequency: Frequency
    zone: str
    hour: int


def everybody(connection: Connection) -> list[Round]:
    """The rounds that anybody is in."""
    rows = connection.execute(
        select(subscription.c.frequency, subscriber.c.zone, subscriber.c.hour)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscription.c.ended_at.is_(None))
        .distinct()
    )
    return sorted((Round(*row) for row in rows), key=str)


def _unserved(who: Round, due: datetime) -> ColumnElement[bool]:
    return and_(
        subscription.c.ended_at.is_(None),
        subscription.c.frequency == who.frequency,
        or_(subscription.c.served_at.is_(None), subscription.c.served_at < due),
    )


def _wanted() -> ColumnElement[bool]:
    """Changes that alert, newer than what a subscription was sent, of the kinds it wants."""
    kinds = [
        and_(subscription.c.wants == wants, change.c.kind.in_(of)) for wants, of in _KINDS.items()
    ]
    return and_(
        change.c.seq > subscription.c.sent_to,
        change.c.silent_because.is_(None),
        or_(subscription.c.wants == "all", *kinds),
    )


class Pending(msgspec.Struct, frozen=True):
    """A match that a due subscription has not been sent."""

    subscriber_id: int
    subscription_id: int
    topic_id: int
    query: str
    canonical: str
    change_seq: int


def pending(
    connection: Connection, who: Round, due: datetime, subscriber_id: int | None = None
) -> list[Pending]:
    """What those of a round who are due have not been sent, in the order of the changes."""
    wanted = (
        select(
            subscription.c.subscriber_id,
            subscription.c.id,
            subscription.c.topic_id,
            subscription.c.query,
            topic.c.canonical,
            match.c.change_seq,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .join(match, match.c.topic_id == subscription.c.topic_id)
        .join(change, change.c.seq == match.c.change_seq)
        .where(
            subscriber.c.zone == who.zone,
            subscriber.c.hour == who.hour,
            _unserved(who, due),
            _wanted(),
        )
        .order_by(match.c.change_seq, subscription.c.id)
    )
    if subscriber_id is not None:
        wanted = wanted.where(subscription.c.subscriber_id == subscriber_id)
    return [Pending(*row) for row in connection.execute(wanted)]


def unserved(connection: Connection, who: Round, due: datetime) -> set[int]:
    """Subscribers of a round with a subscription that was not served for a due time."""
    rows = connection.execute(
        select(subscription.c.subscriber_id)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscriber.c.zone == who.zone, subscriber.c.hour == who.hour, _unserved(who, due))
    )
    return set(rows.scalars())


def settle(connection: Connection, ids: Sequence[int], due: datetime, sent_to: int) -> None:
    """Note that subscriptions were served for a due time, up to change ``sent_to``."""
    connection.execute(
        update(subscription)
        .where(subscription.c.id.in_(ids))
        .values(
            served_at=due,
            sent_to=func.max(subscription.c.sent_to, sent_to)
            if connection.dialect.name == "sqlite"
            else func.greatest(subscription.c.sent_to, sent_to),
        )
    )


def serve_rest(connection: Connection, who: Round, due: datetime) -> int:
    """Note a due time as served for those of a round who had nothing to be sent.

    What comes later that day waits for the next due time, as the subscriber chose. Whoever was
    never sent anything is left out: the first digest comes with the first match, at any hour, so
    that a new subscriber soon knows that it works.
    """
    if who.frequency == "immediate":
        return 0
    here = select(subscriber.c.id).where(
        subscriber.c.zone == who.zone, subscriber.c.hour == who.hour
    )
    waiting = (
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(match.c.topic_id == subscription.c.topic_id, _wanted())
    )
    return connection.execute(
        update(subscription)
        .where(
            subscription.c.subscriber_id.in_(here),
            subscription.c.served_at.is_not(None),
            _unserved(who, due),
            ~waiting.exists(),
        )
        .values(served_at=due)
    ).rowcount
