"""Subscriptions that somebody asked for and has not confirmed (double opt-in)."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from alerts.ledger.schema import message, pending_subscription, subscriber, subscription
from alerts.ledger.subscriptions import SubscriptionRequest


class PendingConfirmation(msgspec.Struct, frozen=True):
    """What one confirmation email asks somebody to confirm."""

    subscriber_id: int
    email: str
    requests: tuple[SubscriptionRequest, ...]
    requested_at: datetime  #: when the email was composed
    is_confirmed: bool
    over_limit: int = 0  #: how many requests exceed the limit of topics for one subscriber


def add_request(
    connection: Connection,
    subscriber_id: int,
    request: SubscriptionRequest,
    since: datetime,
    now: datetime,
) -> tuple[str, bool]:
    """Record a request, and return the token to confirm it with and whether to send a new email.

    Args:
        connection: The ledger.
        subscriber_id: Who is asked to confirm.
        request: The subscription.
        since: A request after this time joins the open one of the same subscriber, whose email has
            been sent: it is confirmed with the same token.
        now: The time.
    """
    open_token = _find_open_token(connection, subscriber_id, since)
    token = open_token or secrets.token_urlsafe(16).replace("-", "_")
    encoded = msgspec.json.encode(request).decode()
    known = exists().where(
        pending_subscription.c.token == token, pending_subscription.c.request == encoded
    )
    if not connection.execute(select(known)).scalar():
        connection.execute(
            insert(pending_subscription).values(
                subscriber_id=subscriber_id, token=token, request=encoded, requested_at=now
            )
        )
    return token, open_token is None


def _find_open_token(connection: Connection, subscriber_id: int, since: datetime) -> str | None:
    is_open = and_(
        pending_subscription.c.subscriber_id == subscriber_id,
        pending_subscription.c.requested_at > since,
        pending_subscription.c.confirmed_at.is_(None),
    )
    return connection.execute(select(pending_subscription.c.token).where(is_open).limit(1)).scalar()


def find_by_token(
    connection: Connection, token: str, since: datetime
) -> PendingConfirmation | None:
    """Return what a token confirms; None if the token is unknown, or from before ``since``."""
    rows = connection.execute(
        select(pending_subscription, subscriber.c.email)
        .join(subscriber, subscriber.c.id == pending_subscription.c.subscriber_id)
        .where(pending_subscription.c.token == token)
        .order_by(pending_subscription.c.id)
    ).all()
    if not rows or rows[0].requested_at <= since:
        return None
    return PendingConfirmation(
        rows[0].subscriber_id,
        rows[0].email,
        tuple(msgspec.json.decode(row.request, type=SubscriptionRequest) for row in rows),
        rows[0].requested_at,
        all(row.confirmed_at is not None for row in rows),
    )


def mark_confirmed(connection: Connection, token: str, now: datetime) -> None:
    """Mark everything that a token confirms as confirmed."""
    open_ones = and_(
        pending_subscription.c.token == token, pending_subscription.c.confirmed_at.is_(None)
    )
    connection.execute(update(pending_subscription).where(open_ones).values(confirmed_at=now))


def delete_expired(connection: Connection, before: datetime) -> list[int]:
    """Delete the requests from before a time.

    Returns:
        The ids of the subscribers who have never confirmed anything and can be deleted.
    """
    old = pending_subscription.c.requested_at < before
    people = set(
        connection.execute(select(pending_subscription.c.subscriber_id).where(old)).scalars()
    )
    connection.execute(delete(pending_subscription).where(old))
    if not people:
        return []
    reasons_to_stay = (
        exists().where(subscription.c.subscriber_id == subscriber.c.id),
        exists().where(pending_subscription.c.subscriber_id == subscriber.c.id),
        exists().where(
            message.c.subscriber_id == subscriber.c.id, message.c.kind != "confirmation"
        ),
    )
    rows = connection.execute(
        select(subscriber.c.id).where(
            subscriber.c.id.in_(people), *(~reason for reason in reasons_to_stay)
        )
    )
    return list(rows.scalars())
