"""Personal data of a subscriber: exported to them, and deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select

from alerts.ledger import publication
from alerts.ledger.messages import UNSENT_PHASES
from alerts.ledger.schema import (
    bounce,
    delivery_attempt,
    digest_item,
    digest_notice,
    message,
    pending_subscription,
    subscriber,
    subscription,
    topic,
)


def collect_data(connection: Connection, subscriber_id: int) -> dict[str, Any]:
    """Return everything that is stored about a subscriber, as values for JSON."""
    person = connection.execute(select(subscriber).where(subscriber.c.id == subscriber_id)).one()
    subscriptions = connection.execute(
        select(subscription, topic.c.canonical)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .where(subscription.c.subscriber_id == subscriber_id)
        .order_by(subscription.c.id)
    )
    sent = connection.execute(
        select(message.c.subject, message.c.phase, message.c.composed_at, message.c.sent_at)
        .where(message.c.subscriber_id == subscriber_id)
        .order_by(message.c.id)
    )
    hidden = {"id", "subscriber_id", "topic_id", "token", "feed_key"}
    return {
        "subscriber": _without_hidden(dict(person._mapping), hidden),
        "subscriptions": [_without_hidden(dict(row._mapping), hidden) for row in subscriptions],
        "messages": [dict(row._mapping) for row in sent],
    }


def _without_hidden(values: dict[str, Any], hidden: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in hidden}


def has_unsent_messages(connection: Connection, subscriber_id: int) -> bool:
    """Return whether a message to a subscriber is waiting or being sent."""
    wanted = (
        select(func.count())
        .select_from(message)
        .where(message.c.subscriber_id == subscriber_id, message.c.phase.in_(UNSENT_PHASES))
    )
    return connection.execute(wanted).scalar_one() > 0


def delete_subscriber(connection: Connection, subscriber_id: int) -> None:
    """Delete a subscriber and everything of theirs.

    That includes the topics that only they were subscribed to, unless the operator publishes them.
    A topic with many matches is deleted by the next rounds.
    """
    mine = subscription.c.subscriber_id == subscriber_id
    topics = connection.execute(select(subscription.c.topic_id).where(mine)).scalars().all()
    messages = select(message.c.id).where(message.c.subscriber_id == subscriber_id)
    for removal in (
        delete(delivery_attempt).where(delivery_attempt.c.message_id.in_(messages)),
        delete(digest_item).where(digest_item.c.message_id.in_(messages)),
        delete(digest_notice).where(digest_notice.c.subscriber_id == subscriber_id),
        delete(message).where(message.c.subscriber_id == subscriber_id),
        delete(bounce).where(bounce.c.subscriber_id == subscriber_id),
        delete(pending_subscription).where(pending_subscription.c.subscriber_id == subscriber_id),
        delete(subscription).where(mine),
        delete(subscriber).where(subscriber.c.id == subscriber_id),
    ):
        connection.execute(removal)
    publication.release(connection, topics)
    publication.clear_ended(connection)


def list_unsubscribed_before(connection: Connection, moment: datetime) -> list[int]:
    """Return the ids of subscribers whose last subscription ended before ``moment``.

    Those with a message that is waiting or being sent are left out.
    """
    ended = (
        select(subscription.c.subscriber_id)
        .group_by(subscription.c.subscriber_id)
        .having(
            func.count() == func.count(subscription.c.ended_at),
            func.max(subscription.c.ended_at) < moment,
        )
    )
    has_unsent = exists().where(
        message.c.subscriber_id == subscriber.c.id,
        message.c.phase.in_(UNSENT_PHASES),
    )
    wanted = select(subscriber.c.id).where(subscriber.c.id.in_(ended), ~has_unsent)
    return list(connection.execute(wanted.order_by(subscriber.c.id)).scalars())
