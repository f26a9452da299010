"""Subscriptions that somebody asked for and has not confirmed (double opt-in).

Each is confirmed by itself: anybody can type anybody's address, so one person's request says
nothing about another request for the same address.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from alerts.ledger.schema import message, pending_subscription, subscriber, subscription
from alerts.ledger.subscriptions import SubscriptionRequest

#: Requests of one address that wait without an email of their own. They are listed beside those
#: that have one; more would only fill the page.
_MAX_WITHOUT_EMAIL = 20


class PendingSubscription(msgspec.Struct, frozen=True):
    """One request that waits for its confirmation, or was confirmed."""

    id: int
    subscriber_id: int
    email: str
    token: str  #: in the link of its confirmation email
    request: SubscriptionRequest
    requested_at: datetime
    emailed_at: datetime | None  #: when its email was queued; None if there is none
    is_confirmed: bool


def add_request(
    connection: Connection,
    subscriber_id: int,
    request: SubscriptionRequest,
    since: datetime,
    now: datetime,
) -> PendingSubscription:
    """Record a request, unless the same one is open and was made after ``since``.

    Returns:
        The new request, or the open one. Where its ``emailed_at`` is None it has no email yet.
    """
    encoded = msgspec.json.encode(request).decode()
    same = and_(
        pending_subscription.c.subscriber_id == subscriber_id,
        pending_subscription.c.request == encoded,
        pending_subscription.c.requested_at > since,
        pending_subscription.c.requested_at <= now,  # not one of a clock that was ahead
        pending_subscription.c.confirmed_at.is_(None),
    )
    if found := _list_where(connection, same):
        return found[0]
    row_id = connection.execute(
        insert(pending_subscription)
        .values(
            subscriber_id=subscriber_id,
            # A token may be an argument of the command line, where a hyphen marks an option.
            token=secrets.token_urlsafe(16).replace("-", "_"),
            request=encoded,
            requested_at=now,
        )
        .returning(pending_subscription.c.id)
    ).scalar_one()
    _delete_surplus(connection, subscriber_id)
    return _list_where(connection, pending_subscription.c.id == row_id)[0]


def _delete_surplus(connection: Connection, subscriber_id: int) -> None:
    """Delete the oldest requests without an email where an address has too many of them."""
    surplus = (
        select(pending_subscription.c.id)
        .where(
            pending_subscription.c.subscriber_id == subscriber_id,
            pending_subscription.c.emailed_at.is_(None),
            pending_subscription.c.confirmed_at.is_(None),
        )
        .order_by(pending_subscription.c.id.desc())
        .offset(_MAX_WITHOUT_EMAIL)
    )
    ids = list(connection.execute(surplus).scalars())
    if ids:
        connection.execute(delete(pending_subscription).where(pending_subscription.c.id.in_(ids)))


def mark_emailed(connection: Connection, request_id: int, now: datetime) -> None:
    """Record that the confirmation email of a request was queued."""
    is_it = pending_subscription.c.id == request_id
    connection.execute(update(pending_subscription).where(is_it).values(emailed_at=now))


def find_by_token(
    connection: Connection, token: str, since: datetime
) -> PendingSubscription | None:
    """Return the request of a token; None if the token is unknown, or from before ``since``."""
    found = _list_where(connection, pending_subscription.c.token == token)
    # Emails of older versions were for several requests with one token, and named the first.
    return found[0] if found and found[0].requested_at > since else None


def list_open(
    connection: Connection, subscriber_id: int, since: datetime
) -> list[PendingSubscription]:
    """Return the requests of a subscriber after ``since`` that are not confirmed, oldest first."""
    return _list_where(
        connection,
        and_(
            pending_subscription.c.subscriber_id == subscriber_id,
            pending_subscription.c.requested_at > since,
            pending_subscription.c.confirmed_at.is_(None),
        ),
    )


def _list_where(
    connection: Connection, condition: ColumnElement[bool]
) -> list[PendingSubscription]:
    rows = connection.execute(
        select(pending_subscription, subscriber.c.email)
        .join(subscriber, subscriber.c.id == pending_subscription.c.subscriber_id)
        .where(condition)
        .order_by(pending_subscription.c.id)
    )
    return [_build(row) for row in rows]


def _build(row: Row[tuple[object, ...]]) -> PendingSubscription:
    values = row._mapping
    return PendingSubscription(
        id=values["id"],
        subscriber_id=values["subscriber_id"],
        email=values["email"],
        token=values["token"],
        request=msgspec.json.decode(values["request"], type=SubscriptionRequest),
        requested_at=values["requested_at"],
        emailed_at=values["emailed_at"],
        is_confirmed=values["confirmed_at"] is not None,
    )


def mark_confirmed(connection: Connection, request_ids: Iterable[int], now: datetime) -> None:
    """Mark requests as confirmed."""
    open_ones = and_(
        pending_subscription.c.id.in_(list(request_ids)),
        pending_subscription.c.confirmed_at.is_(None),
    )
    connection.execute(update(pending_subscription).where(open_ones).values(confirmed_at=now))


def find_oldest(connection: Connection) -> datetime | None:
    """Return when the oldest request was made that is kept; None without one."""
    return connection.execute(select(func.min(pending_subscription.c.requested_at))).scalar()


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
