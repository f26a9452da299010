"""Subscribing and leaving, whoever asks: the config, the command line, a page."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection

from alerts.delivery.channels import way_for
from alerts.ledger import changes, subscriptions, topics
from alerts.ledger.subscriptions import Subscription, Wish
from alerts.queries.parse import canonical, parse


class Habits(msgspec.Struct, frozen=True):
    """When a new subscriber gets what is not immediate."""

    zone: str
    hour: int
    ways: frozenset[str] = frozenset({"mail"})  #: by which people may be reached


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


def recipient(text: str, ways: frozenset[str]) -> str:
    """The one form of an email address, or of another address where there is a way to it.

    Raises :class:`AddressError`.
    """
    if "://" not in text:
        return email_address(text)
    if (way := way_for(text)) not in ways:
        raise AddressError(
            f"{text!r} cannot be sent to: there is no [channels.{way}] in the config"
        )
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[!-~]+", text):
        raise AddressError(f"{text!r} is no address: expected one like https://hooks.example/me")
    return text


def subscribe(
    connection: Connection, email: str, wish: Wish, habits: Habits, now: datetime
) -> Subscribed:
    """Subscribe an address, confirmed, from now on.

    Raises :class:`AddressError`, and :class:`alerts.queries.parse.QueryError` for a query.
    """
    address, query = recipient(email, habits.ways), canonical(parse(wish.query))
    topic = topics.ensure(connection, query, wish.query, now)
    person = subscriptions.ensure_subscriber(connection, address, habits.zone, habits.hour, now)
    newest = changes.newest(connection)
    changed = subscriptions.subscribe(connection, person.id, topic.id, wish, newest, now)
    return Subscribed(address, query, changed)


def follow(
    connection: Connection, email: str, question_id: str, wish: Wish, habits: Habits, now: datetime
) -> Subscribed:
    """Let an address follow one question until it is answered; ``wish.query`` is its title.

    Raises :class:`AddressError`.
    """
    address = recipient(email, habits.ways)
    topic = topics.of_question(connection, question_id, wish.query, now)
    person = subscriptions.ensure_subscriber(connection, address, habits.zone, habits.hour, now)
    newest = changes.newest(connection)
    changed = subscriptions.subscribe(connection, person.id, topic.id, wish, newest, now)
    return Subscribed(address, topic.canonical, changed)


def unsubscribe(connection: Connection, who: str, query: str | None, now: datetime) -> int:
    """End a subscriber's subscription to a query, or all of them; how many that were.

    ``who`` is an address, or the token that is the subject of an unsubscribe email. Raises as
    :func:`subscribe` does.
    """
    found = _mine(connection, who, query)
    return subscriptions.unsubscribe(connection, found[0], now, found[1]) if found else 0


def reword(connection: Connection, old: Subscription, query: str, now: datetime) -> bool:
    """Let a subscriber watch other words in place of a subscription's, from where it had come to.

    False where they watch for those already, and nothing is changed. Raises
    :class:`alerts.queries.parse.QueryError`.
    """
    who, form = old.subscriber_id, canonical(parse(query))
    topic = topics.ensure(connection, form, query, now)
    if topic.id == old.topic_id:
        subscriptions.reword(connection, who, topic.id, query)
        return True
    if any(s.topic_id == topic.id for s in subscriptions.living(connection, who)):
        return False
    wish = Wish(query, old.frequency, old.wants, old.origin, old.length, old.note)
    reached = subscriptions.place(connection, who, old.topic_id)
    subscriptions.subscribe(connection, who, topic.id, wish, reached, now)
    if old.paused_at is not None:
        subscriptions.pause(connection, who, topic.id, old.paused_at)
    subscriptions.unsubscribe(connection, who, now, old.topic_id)
    return True


def pause(connection: Connection, who: str, query: str | None, now: datetime) -> int:
    """Send nothing for a subscription, or for any, until it is resumed; how many that changed.

    What happens in the meantime is not sent later. Raises as :func:`subscribe` does.
    """
    found = _mine(connection, who, query)
    return subscriptions.pause(connection, *found, now) if found else 0


def resume(connection: Connection, who: str, query: str | None) -> int:
    """Go on with what was paused, from now on; how many that changed."""
    found = _mine(connection, who, query)
    return subscriptions.resume(connection, *found, changes.newest(connection)) if found else 0


def _mine(connection: Connection, who: str, query: str | None) -> tuple[int, int | None] | None:
    """The subscriber, and the topic of a query or of a followed question (``=london:/...``)."""
    if "://" in who:
        person = subscriptions.by_email(connection, who)
    elif "@" in who:
        person = subscriptions.by_email(connection, email_address(who))
    else:
        person = subscriptions.by_token(connection, who)
    form = query if not query or query.startswith("=") else canonical(parse(query))
    topic = topics.find(connection, form) if form else None
    if person is None or (query and topic is None):
        return None
    return person.id, topic.id if topic else None
