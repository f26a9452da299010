"""Bounces and complaints, and the subscribers who are sent nothing because of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, delete, exists, func, or_, select, update

from alerts.ledger.due_subscribers import changing
from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import bounce, subscriber, subscription, suppression
from alerts.ledger.secrets import hash_address

#: The ``unproven`` ones are of reports that name a message of ours without its signed return path:
#: nothing follows from them without the operator. ``refused`` is a report that blames us, and
#: ``cleared`` a bounce that was counted once and is no longer, because email to the address was
#: resumed. Neither has a consequence.
BounceKind = Literal[
    "hard",
    "soft",
    "complaint",
    "unproven_hard",
    "unproven_soft",
    "unproven_complaint",
    "refused",
    "cleared",
]
#: Kinds that count against an address until email to it is resumed.
_COUNTED_KINDS: tuple[BounceKind, ...] = (
    "hard",
    "soft",
    "unproven_hard",
    "unproven_soft",
    "unproven_complaint",
)
#: Why an address is suppressed.
SuppressionReason = Literal["bounces", "complaint", "operator"]


class Bounce(msgspec.Struct, frozen=True):
    """That one message to a subscriber failed or was complained about."""

    kind: BounceKind
    message_number: int  #: its id: all reports of one kind about a message are one bounce
    detail: str  #: what the mail server said


def record_bounce(
    connection: Connection, subscriber_id: int, bounced: Bounce, now: datetime
) -> bool:
    """Record a bounce of a subscriber's message.

    Returns:
        False if a bounce of this kind was recorded for the same message before.
    """
    made = insert_once(
        connection,
        bounce,
        report_hash=f"{bounced.kind} {bounced.message_number}",
        subscriber_id=subscriber_id,
        kind=bounced.kind,
        detail=bounced.detail[:500],
        received_at=now,
    )
    return made is not None


def list_times(
    connection: Connection, subscriber_id: int, kind: BounceKind, since: datetime
) -> list[datetime]:
    """Return when bounces of a kind were received after ``since``, oldest first."""
    rows = connection.execute(
        select(bounce.c.received_at)
        .where(
            bounce.c.subscriber_id == subscriber_id,
            bounce.c.kind == kind,
            bounce.c.received_at > since,
        )
        .order_by(bounce.c.received_at)
    )
    return list(rows.scalars())


def count_kind_since(connection: Connection, kind: BounceKind, since: datetime) -> int:
    """Return how many bounces of a kind were received after ``since``."""
    return connection.execute(
        select(func.count()).where(bounce.c.kind == kind, bounce.c.received_at > since)
    ).scalar_one()


def list_frequent(
    connection: Connection, kinds: Sequence[BounceKind], number: int, since: datetime
) -> list[int]:
    """Return the subscribers, not suspended, with at least ``number`` bounces of some kinds."""
    rows = connection.execute(
        select(bounce.c.subscriber_id)
        .join(subscriber, subscriber.c.id == bounce.c.subscriber_id)
        .where(
            bounce.c.kind.in_(kinds),
            bounce.c.received_at > since,
            subscriber.c.suspended_at.is_(None),
        )
        .group_by(bounce.c.subscriber_id)
        .having(func.count() >= number)
        .order_by(bounce.c.subscriber_id)
    )
    return list(rows.scalars())


def count_suspended_since(connection: Connection, since: datetime) -> tuple[int, int]:
    """Return how many were suspended for bounces after ``since``, and of how many subscribers.

    Only people with a subscription that has not ended are counted among the subscribers, so that
    sign-ups that nobody has confirmed allow no suspensions.
    """
    is_recent = subscriber.c.suspended_at > since
    suspended = select(func.count()).where(is_recent, subscriber.c.suspension_reason == "bounces")
    is_active = exists().where(
        subscription.c.subscriber_id == subscriber.c.id, subscription.c.ended_at.is_(None)
    )
    everybody = (
        select(func.count())
        .select_from(subscriber)
        .where(is_active, or_(subscriber.c.suspended_at.is_(None), is_recent))
    )
    return connection.execute(suspended).scalar_one(), connection.execute(everybody).scalar_one()


def pause_subscriber(connection: Connection, subscriber_id: int, until: datetime) -> None:
    """Compose no digest for a subscriber before ``until``."""
    with changing(connection, [subscriber_id]):
        connection.execute(
            update(subscriber).where(subscriber.c.id == subscriber_id).values(paused_until=until)
        )


def suspend_subscriber(
    connection: Connection, subscriber_id: int, reason: SuppressionReason, now: datetime
) -> None:
    """Send nothing to a subscriber any more, and remember the hash of the address.

    An earlier suspension keeps its time and reason.
    """
    suspending = update(subscriber).where(
        subscriber.c.id == subscriber_id, subscriber.c.suspended_at.is_(None)
    )
    with changing(connection, [subscriber_id]):
        connection.execute(suspending.values(suspended_at=now, suspension_reason=reason))
    email = connection.execute(
        select(subscriber.c.email).where(subscriber.c.id == subscriber_id)
    ).scalar_one()
    insert_once(
        connection,
        suppression,
        address_hash=hash_address(connection, email),
        reason=reason,
        since=now,
    )


def remove_suppression(connection: Connection, email: str) -> bool:
    """Send to an address again, and count none of its bounces; return False if not suppressed."""
    is_theirs = subscriber.c.email == email
    keys = connection.execute(select(subscriber.c.id).where(is_theirs)).scalars().all()
    fresh = {"suspended_at": None, "suspension_reason": None, "paused_until": None}
    with changing(connection, keys):
        connection.execute(update(subscriber).where(is_theirs).values(**fresh))
    clear_bounces(connection, email)
    mine = suppression.c.address_hash == hash_address(connection, email)
    return connection.execute(delete(suppression).where(mine)).rowcount > 0


def clear_bounces(connection: Connection, email: str) -> bool:
    """Count the bounces of an address no longer; return False if there were none."""
    mine = select(subscriber.c.id).where(subscriber.c.email == email).scalar_subquery()
    clearing = (
        update(bounce)
        .where(bounce.c.subscriber_id == mine, bounce.c.kind.in_(_COUNTED_KINDS))
        .values(kind="cleared")
    )
    return connection.execute(clearing).rowcount > 0


class Suppression(msgspec.Struct, frozen=True):
    """Why nothing is sent to an address, and since when."""

    reason: SuppressionReason
    since: datetime


def find_suppression(connection: Connection, email: str) -> Suppression | None:
    """Return the suppression of an address; None if there is none."""
    row = connection.execute(
        select(suppression.c.reason, suppression.c.since).where(
            suppression.c.address_hash == hash_address(connection, email)
        )
    ).one_or_none()
    return Suppression(*row) if row else None


class RecordedBounce(msgspec.Struct, frozen=True):
    """A bounce as it is listed for the operator."""

    email: str
    kind: BounceKind
    detail: str
    received_at: datetime
    subscriber_id: int


def list_newest(connection: Connection, limit: int) -> list[RecordedBounce]:
    """Return the newest bounces, newest first."""
    return _list_recorded(connection, _RECORDED.limit(limit))


def list_of_subscriber(
    connection: Connection, subscriber_id: int, limit: int
) -> list[RecordedBounce]:
    """Return the newest bounces of one subscriber, newest first."""
    mine = bounce.c.subscriber_id == subscriber_id
    return _list_recorded(connection, _RECORDED.where(mine).limit(limit))


_RECORDED = (
    select(
        subscriber.c.email,
        bounce.c.kind,
        bounce.c.detail,
        bounce.c.received_at,
        bounce.c.subscriber_id,
    )
    .join(subscriber, subscriber.c.id == bounce.c.subscriber_id)
    .order_by(bounce.c.id.desc())
)


def _list_recorded(connection: Connection, wanted: Select[Any]) -> list[RecordedBounce]:
    return [RecordedBounce(**row._mapping) for row in connection.execute(wanted)]


class SuspendedSubscriber(msgspec.Struct, frozen=True):
    """A subscriber to whom nothing is sent, as listed for the operator."""

    email: str
    reason: SuppressionReason
    since: datetime
    detail: str | None  #: what the newest report said


def list_addresses(connection: Connection, keys: Sequence[int]) -> list[str]:
    """Return the addresses of some subscribers, in alphabetical order."""
    wanted = select(subscriber.c.email).where(subscriber.c.id.in_(keys))
    return list(connection.execute(wanted.order_by(subscriber.c.email)).scalars())


def list_suspended(connection: Connection) -> Sequence[SuspendedSubscriber]:
    """Return the suspended subscribers, by address."""
    newest = (
        select(bounce.c.detail)
        .where(bounce.c.subscriber_id == subscriber.c.id)
        .order_by(bounce.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            subscriber.c.email, subscriber.c.suspension_reason, subscriber.c.suspended_at, newest
        )
        .where(subscriber.c.suspended_at.is_not(None))
        .order_by(subscriber.c.email)
    )
    return [SuspendedSubscriber(*row) for row in rows]
