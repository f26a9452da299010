"""Double opt-in: nobody is sent a digest before they confirm by a link that we email to them."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import bounces, messages, pending_subscriptions, subscriptions
from alerts.ledger.pending_subscriptions import PendingConfirmation
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MessageContext
from alerts.model import Recipient
from alerts.queries import format_canonical, parse_query
from alerts.subscribers.emails import write_confirmation_email
from alerts.subscribers.membership import SubscriberDefaults, subscribe

#: How long a confirmation link works: who reads email once a day has two chances.
CONFIRMATION_LINK_VALIDITY = timedelta(hours=48)
#: How long nobody is sent a second confirmation email: anybody can type anybody's address, so
#: strangers can cause one email a day at most.
_RESEND_INTERVAL = timedelta(hours=24)


def request_confirmation(
    connection: Connection,
    context: MessageContext,
    email: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
) -> bool:
    """Store a pending subscription and queue the email that asks to confirm it.

    Args:
        connection: A writing connection to the ledger.
        context: What messages are written with.
        email: The address that somebody typed.
        request: What to subscribe to.
        defaults: What a new subscriber gets.

    Returns:
        False where a confirmation email was queued within the last 24 hours; its link confirms
        this subscription too.

    Raises:
        AddressError: It is not an email address.
        QueryError: The query cannot be parsed.
    """
    recipient, now = Recipient.parse_email(email), context.now
    if request.question_id is None:
        format_canonical(parse_query(request.query))
    subscriber = subscriptions.ensure_subscriber(
        connection, recipient.address, defaults.zone, defaults.hour, now
    )
    token, is_new = pending_subscriptions.add_request(
        connection, subscriber.id, request, now - _RESEND_INTERVAL, now
    )
    if not is_new:
        return False
    message = write_confirmation_email(
        context, subscriber, request.query, token, CONFIRMATION_LINK_VALIDITY
    )
    return messages.queue(connection, message, now)


def find_pending_signup(
    connection: Connection, token: str, now: datetime
) -> PendingConfirmation | None:
    """Return what a link asks to confirm; None where the link is wrong or has expired."""
    return pending_subscriptions.find_by_token(connection, token, now - CONFIRMATION_LINK_VALIDITY)


def confirm_signup(
    connection: Connection,
    token: str,
    defaults: SubscriberDefaults,
    now: datetime,
    max_topics: int | None = None,
) -> PendingConfirmation | None:
    """Subscribe to what a link asks to confirm; a link that is used again changes nothing.

    A subscriber who was suspended, after bounces or a complaint, is sent digests again: they have
    just read an email, and asked for more.

    Args:
        connection: A writing connection to the ledger.
        token: The token in the link.
        defaults: What a new subscriber gets.
        now: When the subscriptions begin.
        max_topics: How many topics one subscriber may have; None for any number.

    Returns:
        What was confirmed, and how many requests were over the limit; None where the link is wrong
        or has expired.
    """
    signup = find_pending_signup(connection, token, now)
    if signup is None or signup.is_confirmed:
        return signup
    accepted: list[SubscriptionRequest] = []
    for request in signup.requests:
        # Counted anew each time: a request for what they are subscribed to already takes no room.
        count = subscriptions.count_active(connection, signup.subscriber_id)
        if max_topics is not None and count >= max_topics:
            break
        subscribe(connection, signup.email, request, defaults, now)
        accepted.append(request)
    pending_subscriptions.mark_confirmed(connection, token, now)
    bounces.remove_suppression(connection, signup.email)
    over_limit = len(signup.requests) - len(accepted)
    return msgspec.structs.replace(signup, requests=tuple(accepted), over_limit=over_limit)
