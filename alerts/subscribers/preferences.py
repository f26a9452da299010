"""What a subscriber changes: the query of an alert, a pause, its end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import changes, subscriptions, topics, undo_records
from alerts.ledger.subscriptions import Subscription, SubscriptionRequest
from alerts.queries import format_canonical, parse_query
from alerts.subscribers.membership import find_subscriber_and_topic


def change_query(
    connection: Connection, subscription: Subscription, query: str, now: datetime
) -> int | None:
    """Give a subscription another query; its options and what it was sent up to stay.

    The new topic is private, whoever made the subscription: its words are the subscriber's.

    Returns:
        The id of the new query's topic; None where the subscriber has another subscription to it:
        then nothing is changed.

    Raises:
        QueryError: The query cannot be parsed.
    """
    subscriber_id = subscription.subscriber_id
    topic = topics.ensure(connection, format_canonical(parse_query(query)), query, now)
    if topic.id == subscription.topic_id:
        subscriptions.set_query(connection, subscriber_id, topic.id, query)
        return topic.id
    if any(s.topic_id == topic.id for s in subscriptions.list_active(connection, subscriber_id)):
        return None
    request = SubscriptionRequest(
        query,
        subscription.frequency,
        subscription.updates,
        subscription.origin,
        subscription.detail,
        subscription.note,
    )
    sent_up_to = subscriptions.get_sent_up_to(connection, subscriber_id, subscription.topic_id)
    subscriptions.subscribe(connection, subscriber_id, topic.id, request, sent_up_to, now)
    if subscription.paused_at is not None:
        paused_at, resume_at = subscription.paused_at, subscription.resume_at
        subscriptions.pause(connection, subscriber_id, topic.id, paused_at, resume_at)
    _carry_over_digests(connection, subscription, topic.id)
    subscriptions.unsubscribe(connection, subscriber_id, now, subscription.topic_id)
    return topic.id


def _carry_over_digests(
    connection: Connection, subscription: Subscription, new_topic_id: int
) -> None:
    """Send nothing for the new topic that the alert was sent for a former one.

    That can only be after an undo: otherwise all of it is below what the alert was sent up to.
    """
    made = undo_records.load_former(connection, subscription.subscriber_id, new_topic_id)
    for one in made:
        undo_records.carry_over(connection, subscription.id, one.id)


def pause(connection: Connection, address_or_token: str, query: str | None, now: datetime) -> int:
    """Pause a subscription, or all of a subscriber's; what happens in a pause is never sent.

    Returns:
        How many subscriptions were not paused before. Arguments and errors as of `unsubscribe`.
    """
    found = find_subscriber_and_topic(connection, address_or_token, query)
    return subscriptions.pause(connection, *found, now) if found else 0


def resume(connection: Connection, address_or_token: str, query: str | None) -> int:
    """Resume a paused subscription, or all of a subscriber's, with what happens from now on.

    Returns:
        How many subscriptions were paused. Arguments and errors as of `unsubscribe`.
    """
    found = find_subscriber_and_topic(connection, address_or_token, query)
    if found is None:
        return 0
    return subscriptions.resume(connection, *found, changes.get_newest_seq(connection))
