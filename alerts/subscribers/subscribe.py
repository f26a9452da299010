"""Subscribing and leaving, whoever asks: the config, the command line, a page."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.delivery import ChannelTable
from alerts.ledger import changes, subscriptions, topics
from alerts.ledger.subscriptions import Subscription, SubscriptionRequest
from alerts.ledger.topics import Topic
from alerts.model import Recipient
from alerts.queries import format_canonical, parse_query


class SubscriberDefaults(msgspec.Struct, frozen=True):
    """When a new subscriber gets what is not immediate."""

    zone: str
    hour: int
    channels: ChannelTable = ChannelTable()  #: besides email, how subscribers may be reached


class SubscribeResult(msgspec.Struct, frozen=True):
    """What became of a wish."""

    email: str
    canonical: str | None  #: None for a followed question
    is_changed: bool  #: False when the very same subscription was there already


def parse_reachable_recipient(text: str, channels: ChannelTable) -> Recipient:
    """Return the recipient that ``text`` names, where one of our channels reaches it.

    Raises:
        AddressError: It is no address, or no configured channel carries messages to it.
    """
    recipient = Recipient.parse(text)
    channels.check(recipient)
    return recipient


def subscribe(
    connection: Connection,
    email: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
    now: datetime,
) -> SubscribeResult:
    """Subscribe an address, confirmed, from now on.

    Raises :class:`AddressError`, and :class:`alerts.queries.parse.QueryError` for a query.
    """
    address, query = (
        parse_reachable_recipient(email, defaults.channels).address,
        format_canonical(parse_query(request.query)),
    )
    topic = topics.ensure(connection, query, request.query, now)
    person = subscriptions.ensure_subscriber(connection, address, defaults.zone, defaults.hour, now)
    newest = changes.get_newest_seq(connection)
    changed = subscriptions.subscribe(connection, person.id, topic.id, request, newest, now)
    return SubscribeResult(address, query, changed)


def follow_question(
    connection: Connection,
    email: str,
    question_id: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
    now: datetime,
) -> SubscribeResult:
    """Let an address follow one question until it is answered; ``wish.query`` is its title.

    Raises :class:`AddressError`.
    """
    address = parse_reachable_recipient(email, defaults.channels).address
    topic = topics.ensure_for_question(connection, question_id, request.query, now)
    person = subscriptions.ensure_subscriber(connection, address, defaults.zone, defaults.hour, now)
    newest = changes.get_newest_seq(connection)
    changed = subscriptions.subscribe(connection, person.id, topic.id, request, newest, now)
    return SubscribeResult(address, topic.canonical, changed)


def unsubscribe(
    connection: Connection, address_or_token: str, query: str | None, now: datetime
) -> int:
    """End a subscriber's subscription to a query, or all of them; how many that were.

    ``address_or_token`` is an address, or the token that is the subject of an unsubscribe email.
    Raises as
    :func:`subscribe` does.
    """
    found = _find_subscription(connection, address_or_token, query)
    return subscriptions.unsubscribe(connection, found[0], now, found[1]) if found else 0


def change_query(
    connection: Connection, subscription: Subscription, query: str, now: datetime
) -> bool:
    """Let a subscriber watch other words in place of a subscription's, from where it had come to.

    False where they watch for those already, and nothing is changed. Raises
    :class:`alerts.queries.parse.QueryError`.
    """
    who, form = subscription.subscriber_id, format_canonical(parse_query(query))
    topic = topics.ensure(connection, form, query, now)
    if topic.id == subscription.topic_id:
        subscriptions.set_query(connection, who, topic.id, query)
        return True
    if any(s.topic_id == topic.id for s in subscriptions.list_active(connection, who)):
        return False
    wish = SubscriptionRequest(
        query,
        subscription.frequency,
        subscription.updates,
        subscription.origin,
        subscription.detail,
        subscription.note,
    )
    reached = subscriptions.get_sent_up_to(connection, who, subscription.topic_id)
    subscriptions.subscribe(connection, who, topic.id, wish, reached, now)
    if subscription.paused_at is not None:
        subscriptions.pause(connection, who, topic.id, subscription.paused_at)
    subscriptions.unsubscribe(connection, who, now, subscription.topic_id)
    return True


def pause(connection: Connection, address_or_token: str, query: str | None, now: datetime) -> int:
    """Send nothing for a subscription, or for any, until it is resumed; how many that changed.

    What happens in the meantime is not sent later. Raises as :func:`subscribe` does.
    """
    found = _find_subscription(connection, address_or_token, query)
    return subscriptions.pause(connection, *found, now) if found else 0


def resume(connection: Connection, address_or_token: str, query: str | None) -> int:
    """Go on with what was paused, from now on; how many that changed."""
    found = _find_subscription(connection, address_or_token, query)
    return (
        subscriptions.resume(connection, *found, changes.get_newest_seq(connection)) if found else 0
    )


def _find_subscription(
    connection: Connection, who: str, query: str | None
) -> tuple[int, int | None] | None:
    """Return the ids of a subscriber and of a topic: None for the topic where no query is given.

    ``query`` is a query, or the id of a followed question: ``london:/questions/2018/5425``.
    """
    if "@" in who or "://" in who:
        person = subscriptions.find_subscriber_by_email(connection, Recipient.parse(who).address)
    else:
        person = subscriptions.find_subscriber_by_token(connection, who)
    topic = _find_topic(connection, query) if query else None
    if person is None or (query and topic is None):
        return None
    return person.id, topic.id if topic else None


def _find_topic(connection: Connection, query: str) -> Topic | None:
    followed = topics.find_for_question(connection, query)
    return followed or topics.find(connection, format_canonical(parse_query(query)))
