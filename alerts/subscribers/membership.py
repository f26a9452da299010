"""Subscribing and unsubscribing, for every caller: the config, the command line and the pages."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.delivery import ChannelTable
from alerts.ledger import bounces, changes, subscriptions, topics
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.ledger.topics import Topic
from alerts.model import Recipient
from alerts.queries import format_canonical, parse_query
from alerts.subscribers.quotation import get_title, join_lines


class SubscriberDefaults(msgspec.Struct, frozen=True):
    """What a new subscriber gets who has not chosen."""

    zone: str  #: the time zone of ``hour``: ``Europe/London``
    hour: int  #: 0 to 23: when digests that are not immediate are due
    channels: ChannelTable = ChannelTable()  #: the configured channels, for other addresses


class SubscribeResult(msgspec.Struct, frozen=True):
    """What became of a request to subscribe."""

    email: str  #: the address in its normal form
    topic_id: int
    canonical: str | None  #: the topic's canonical query; None for a followed question
    is_changed: bool  #: False where the same subscription existed already
    is_suspended: bool  #: whether nothing is sent to the address, after bounces or a complaint


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
    address: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
    now: datetime,
) -> SubscribeResult:
    """Subscribe an address to a query, or to one question, without asking for confirmation.

    Only changes from now on are sent. A question is followed until it is answered.

    Args:
        connection: A writing connection to the ledger.
        address: An email address, or the URL of a recipient that a channel carries messages to.
        request: The query, or the question, and the options.
        defaults: What a new subscriber gets.
        now: When the subscription begins.

    Raises:
        AddressError: The address is not valid, or no channel reaches it.
        QueryError: The query cannot be parsed.
        UnknownQuestionError: The question is not in the ledger.
    """
    recipient = parse_reachable_recipient(address, defaults.channels)
    request = name_request(connection, request)
    topic = _ensure_topic(connection, request, now)
    subscriber = subscriptions.ensure_subscriber(
        connection, recipient.address, defaults.zone, defaults.hour, now
    )
    newest = changes.get_newest_seq(connection)
    changed = subscriptions.subscribe(connection, subscriber.id, topic.id, request, newest, now)
    is_suspended = bounces.find_suppression(connection, recipient.address) is not None
    return SubscribeResult(recipient.address, topic.id, topic.canonical, changed, is_suspended)


def name_request(connection: Connection, request: SubscriptionRequest) -> SubscriptionRequest:
    """Return a request as one line, where a question is followed with its title in the ledger.

    Raises:
        UnknownQuestionError: The question is not in the ledger.
    """
    if request.question_id is None:
        return msgspec.structs.replace(request, query=join_lines(request.query))
    title = get_title(connection, request.question_id)
    return msgspec.structs.replace(request, query=title)


def _ensure_topic(connection: Connection, request: SubscriptionRequest, now: datetime) -> Topic:
    if request.question_id is not None:
        return topics.ensure_for_question(connection, request.question_id, request.query, now)
    canonical = format_canonical(parse_query(request.query))
    return topics.ensure(connection, canonical, request.query, now)


def unsubscribe(
    connection: Connection, address_or_token: str, query: str | None, now: datetime
) -> int:
    """End a subscriber's subscription to a query, or all of them.

    Args:
        connection: A writing connection to the ledger.
        address_or_token: The subscriber's address, or the token that is the subject of an
            unsubscribe email.
        query: A query in any form, or the id of a followed question:
            ``london:/questions/2018/5425``. None ends all.
        now: When the subscriptions end.

    Returns:
        How many subscriptions ended.

    Raises:
        AddressError: The address is not valid.
        QueryError: The query cannot be parsed.
    """
    found = find_subscriber_and_topic(connection, address_or_token, query)
    return subscriptions.unsubscribe(connection, found[0], now, found[1]) if found else 0


def find_subscriber_and_topic(
    connection: Connection, address_or_token: str, query: str | None
) -> tuple[int, int | None] | None:
    """Return the ids of a subscriber and of a topic; arguments and errors as of `unsubscribe`.

    The topic is None where ``query`` is; the result is None where either does not exist.
    """
    if "@" in address_or_token or "://" in address_or_token:
        address = Recipient.parse(address_or_token).address
        subscriber = subscriptions.find_subscriber_by_email(connection, address)
    else:
        subscriber = subscriptions.find_subscriber_by_token(connection, address_or_token)
    topic = _find_topic(connection, query) if query else None
    if subscriber is None or (query and topic is None):
        return None
    return subscriber.id, topic.id if topic else None


def _find_topic(connection: Connection, query: str) -> Topic | None:
    followed = topics.find_for_question(connection, query)
    return followed or topics.find(connection, format_canonical(parse_query(query)))
