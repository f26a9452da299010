"""What became of messages, as the operator is shown it and is warned by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from alerts.ledger.messages import DeliveryOutcome, MessagePhase
from alerts.ledger.schema import delivery_attempt, message


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """How one attempt ended, and what follows from it."""

    outcome: DeliveryOutcome
    detail: str | None
    phase: MessagePhase
    due_at: datetime


def record_attempts(
    connection: Connection, attempts: Sequence[tuple[int, DeliveryAttempt, datetime]]
) -> None:
    """Record attempts, each at its moment, and what becomes of their messages."""
    if not attempts:
        return
    connection.execute(
        insert(delivery_attempt),
        [
            {
                "message_id": key,
                "attempted_at": at,
                "outcome": attempt.outcome,
                "detail": attempt.detail,
            }
            for key, attempt, at in attempts
        ],
    )
    connection.execute(
        update(message)
        .where(message.c.id == bindparam("attempted_id"))
        .values(
            phase=bindparam("now_in"),
            attempts=message.c.attempts + 1,
            due_at=bindparam("next"),
            sent_at=bindparam("sent"),
        ),
        [
            {
                "attempted_id": key,
                "now_in": attempt.phase,
                "next": attempt.due_at,
                "sent": at if attempt.phase == "sent" else None,
            }
            for key, attempt, at in attempts
        ],
    )


def count_sent_since(connection: Connection, moment: datetime, lane: int) -> int:
    """How many messages of a lane were sent since ``moment``."""
    wanted = select(func.count()).where(message.c.sent_at > moment, message.c.lane == lane)
    return connection.execute(wanted).scalar_one()


def count_outcomes_since(connection: Connection, outcome: DeliveryOutcome, moment: datetime) -> int:
    """How many attempts ended in one way since ``moment``."""
    return connection.execute(
        select(func.count()).where(
            delivery_attempt.c.outcome == outcome, delivery_attempt.c.attempted_at > moment
        )
    ).scalar_one()


def find_oldest_queued(connection: Connection, now: datetime) -> datetime | None:
    """Since when the oldest message that should be on its way has waited for its first attempt.

    What a receiver asked us to try later waits for that receiver, and is not counted.
    """
    waiting = (message.c.phase.in_(("queued", "sending")), message.c.due_at <= now)
    return connection.execute(
        select(message.c.composed_at)
        .where(*waiting, message.c.attempts == 0)
        .order_by(message.c.composed_at)
        .limit(1)
    ).scalar()


def count_by_phase(connection: Connection) -> dict[str, int]:
    """How many messages are in each phase."""
    rows = connection.execute(select(message.c.phase, func.count()).group_by(message.c.phase))
    return {phase: number for phase, number in rows}  # noqa: C416  # rows are no pairs to dict()


class MessageStatus(msgspec.Struct, frozen=True):
    """A message and how its last attempt ended, as the operator is shown it."""

    id: int
    recipient: str
    subject: str
    phase: MessagePhase
    attempts: int
    composed_at: datetime
    due_at: datetime
    detail: str | None


def list_newest(
    connection: Connection, phase: MessagePhase | None, recipient: str | None, limit: int
) -> list[MessageStatus]:
    """The newest messages: all, or those in a phase, or to an address."""
    last = (
        select(delivery_attempt.c.detail)
        .where(delivery_attempt.c.message_id == message.c.id)
        .order_by(delivery_attempt.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [message.c[name] for name in MessageStatus.__struct_fields__ if name != "detail"]
    wanted = select(*columns, last.label("detail")).order_by(message.c.id.desc()).limit(limit)
    if phase is not None:
        wanted = wanted.where(message.c.phase == phase)
    if recipient is not None:
        wanted = wanted.where(message.c.recipient == recipient)
    return [MessageStatus(**row._mapping) for row in connection.execute(wanted)]


def requeue(connection: Connection, keys: Sequence[int], now: datetime) -> int:
    """Queue messages that failed or are held once more, from now; how many those are."""
    again = (
        update(message)
        .where(message.c.id.in_(keys), message.c.phase.in_(("failed", "in_doubt")))
        .values(phase="queued", due_at=now)
    )
    return connection.execute(again).rowcount


def delete_bodies(connection: Connection, before: datetime) -> None:
    """Keep of messages that came to their end before a moment that they did, not what they said."""
    connection.execute(
        update(message)
        .where(
            message.c.phase.in_(("sent", "dropped")),
            message.c.composed_at < before,
            message.c.body != b"",
        )
        .values(body=b"")
    )
