"""Subscribing and leaving, whoever asks: the config, the command line, a page."""

from __future__ import annotations

from datetime import datetime

import msgspec
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection

from alerts.ledger import changes, subscriptions, topics
from alerts.ledger.subscriptions import Wish
from alerts.query import canonical, parse


class Habits(msgspec.Struct, frozen=True):
    """When a new subscriber gets what is not immediate."""

    zone: str
    hour: int


class Subscribed(msgspec.Struct, frozen=True):
    """What became of a wish."""

    email: str
    canonical: str
    changed: bool  #: False when the very same subscription was there already


class AddressError(ValueError):
    """What should be an email address is none; the message says why in one sentence."""


def email_address(text: str) -> str:
    """The one form of an address that we keep; raises :class:`AddressError`.

    Non-ASCII local parts are refused: half of the mail world cannot carry them (RFC 6531).
    """
    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        raise AddressError(f"{text!r} is no email address: {error}") from error
    return (found.ascii_email or found.normalized).lower()


def subscribe(
    connection: Connection, email: str, wish: Wish, habits: Habits, now: datetime
) -> Subscribed:
    """Subscribe an address, confirmed, from now on.

    Raises :class:`AddressError`, and :class:`alerts.query.QueryError` for a query.
    """
    address, query = email_address(email), canonical(parse(wish.query))
    topic = topics.ensure(connection, query, wish.query, now)
    person = subscriptions.ensure_subscriber(connection, address, habits.zone, habits.hour, now)
    newest = changes.newest(connection)
    changed = subscriptions.subscribe(connection, person.id, topic.id, wish, newest, now)
    return Subscribed(address, query, changed)


def unsubscribe(connection: Connection, who: str, query: str | None, now: datetime) -> int:
    """End a subscriber's subscription to a query, or all of them; how many that were.

    ``who`` is an address, or the token that is the subject of an unsubscribe email. Raises as
    :func:`subscribe` does.
    """
    if "@" in who:
        person = subscriptions.by_email(connection, email_address(who))
    else:
        person = subscriptions.by_token(connection, who)
    topic = topics.find(connection, canonical(parse(query))) if query else None
    if person is None or (query and topic is None):
        return 0
    return subscriptions.unsubscribe(connection, person.id, now, topic.id if topic else None)
