"""What was asked for and is not confirmed yet."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from alerts.ledger.schema import digest, subscriber, subscription, wish
from alerts.ledger.subscriptions import Wish

#: What begins the period of a letter that asks somebody to confirm; its token follows.
LETTER = "confirm "


class Asked(msgspec.Struct, frozen=True):
    """All that one letter asks somebody to confirm."""

    subscriber_id: int
    email: str
    wishes: tuple[Wish, ...]
    asked_at: datetime  #: the letter
    is_confirmed: bool
    left_out: int = 0  #: wishes beyond what one subscriber may have


def add(
    connection: Connection, who: int, asked: Wish, since: datetime, now: datetime
) -> tuple[str, bool]:
    """Put a wish down; the token to confirm it with, and whether a letter is to be written.

    What is asked for after ``since``, the last letter, is confirmed with that letter.
    """
    open_letter = connection.execute(
        select(wish.c.token)
        .where(wish.c.subscriber_id == who, wish.c.asked_at > since, wish.c.confirmed_at.is_(None))
        .limit(1)
    ).scalar()
    token = open_letter or secrets.token_urlsafe(16).replace("-", "_")
    encoded = msgspec.json.encode(asked).decode()
    known = exists().where(wish.c.token == token, wish.c.wish == encoded)
    if not connection.execute(select(known)).scalar():
        connection.execute(
            insert(wish).values(subscriber_id=who, token=token, wish=encoded, asked_at=now)
        )
    return token, open_letter is None


def asked(connection: Connection, token: str, since: datetime) -> Asked | None:
    """What a letter's token confirms; None for a token that is wrong, or older than ``since``."""
    rows = connection.execute(
        select(wish, subscriber.c.email)
        .join(subscriber, subscriber.c.id == wish.c.subscriber_id)
        .where(wish.c.token == token)
        .order_by(wish.c.id)
    ).all()
    if not rows or rows[0].asked_at <= since:
        return None
    return Asked(
        rows[0].subscriber_id,
        rows[0].email,
        tuple(msgspec.json.decode(row.wish, type=Wish) for row in rows),
        rows[0].asked_at,
        all(row.confirmed_at is not None for row in rows),
    )


def confirmed(connection: Connection, token: str, now: datetime) -> None:
    """Note that all that a letter asked for is confirmed."""
    open_ones = and_(wish.c.token == token, wish.c.confirmed_at.is_(None))
    connection.execute(update(wish).where(open_ones).values(confirmed_at=now))


def expire(connection: Connection, before: datetime) -> list[int]:
    """Remove the wishes from before a moment; the subscribers who never confirmed any."""
    old = wish.c.asked_at < before
    people = set(connection.execute(select(wish.c.subscriber_id).where(old)).scalars())
    connection.execute(delete(wish).where(old))
    if not people:
        return []
    stays = (
        exists().where(subscription.c.subscriber_id == subscriber.c.id),
        exists().where(wish.c.subscriber_id == subscriber.c.id),
        exists().where(
            digest.c.subscriber_id == subscriber.c.id, ~digest.c.period.startswith(LETTER)
        ),
    )
    rows = connection.execute(
        select(subscriber.c.id).where(subscriber.c.id.in_(people), *(~reason for reason in stays))
    )
    return list(rows.scalars())
