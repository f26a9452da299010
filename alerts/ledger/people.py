"""What is kept of a person: shown to them, and removed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select

from alerts.ledger.schema import (
    bounce,
    delivery,
    digest,
    digest_item,
    digest_notice,
    message,
    subscriber,
    subscription,
    topic,
    wish,
)

#: Phases of a message that may yet go out.
_ON_ITS_WAY = ("queued", "sending", "dot")


def kept(connection: Connection, who: int) -> dict[str, Any]:
    """All that is kept of a subscriber, as values for JSON; datetimes as they are."""
    person = connection.execute(select(subscriber).where(subscriber.c.id == who)).one()
    subscriptions = connection.execute(
        select(subscription, topic.c.canonical)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(subscription.c.subscriber_id == who)
        .order_by(subscription.c.id)
    )
    sent = connection.execute(
        select(message.c.subject, message.c.phase, message.c.composed_at, message.c.sent_at)
        .join(digest, digest.c.id == message.c.digest_id)
        .where(digest.c.subscriber_id == who)
        .order_by(message.c.id)
    )
    hidden = {"id", "subscriber_id", "topic_id", "token"}
    return {
        "subscriber": _shown(dict(person._mapping), hidden),
        "subscriptions": [_shown(dict(row._mapping), hidden) for row in subscriptions],
        "messages": [dict(row._mapping) for row in sent],
    }


def _shown(values: dict[str, Any], hidden: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in hidden}


def is_awaited(connection: Connection, who: int) -> bool:
    """Whether a message to a subscriber may be on its way at this moment."""
    wanted = (
        select(func.count())
        .select_from(message.join(digest, digest.c.id == message.c.digest_id))
        .where(digest.c.subscriber_id == who, message.c.phase.in_(_ON_ITS_WAY))
    )
    return connection.execute(wanted).scalar_one() > 0


def forget(connection: Connection, who: int) -> None:
    """Remove a subscriber with all that is theirs; topics, which are nobody's, stay."""
    digests = select(digest.c.id).where(digest.c.subscriber_id == who).scalar_subquery()
    messages = select(message.c.id).where(message.c.digest_id.in_(digests)).scalar_subquery()
    for removal in (
        delete(delivery).where(delivery.c.message_id.in_(messages)),
        delete(message).where(message.c.digest_id.in_(digests)),
        delete(digest_item).where(digest_item.c.digest_id.in_(digests)),
        delete(digest_notice).where(digest_notice.c.subscriber_id == who),
        delete(digest).where(digest.c.subscriber_id == who),
        delete(bounce).where(bounce.c.subscriber_id == who),
        delete(wish).where(wish.c.subscriber_id == who),
        delete(subscription).where(subscription.c.subscriber_id == who),
        delete(subscriber).where(subscriber.c.id == who),
    ):
        connection.execute(removal)


def left_before(connection: Connection, moment: datetime) -> list[int]:
    """Subscribers whose last subscription ended before ``moment``, with nothing on its way."""
    ended = (
        select(subscription.c.subscriber_id)
        .group_by(subscription.c.subscriber_id)
        .having(
            func.count() == func.count(subscription.c.ended_at),
            func.max(subscription.c.ended_at) < moment,
        )
    )
    awaited = exists().where(
        digest.c.subscriber_id == subscriber.c.id,
        message.c.digest_id == digest.c.id,
        message.c.phase.in_(_ON_ITS_WAY),
    )
    wanted = select(subscriber.c.id).where(subscriber.c.id.in_(ended), ~awaited)
    return list(connection.execute(wanted.order_by(subscriber.c.id)).scalars())
