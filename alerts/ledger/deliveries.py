"""Attempts to deliver messages, and the views of the outbox for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.messages import RELEASED, UNSENT_PHASES, DeliveryOutcome, MessagePhase
from alerts.ledger.schema import message

#: The detail of the attempt at a message whose stored bytes are damaged.
UNREADABLE = "the stored message is damaged and cannot be sent"


class DeliveryAttempt(msgspec.Struct, frozen=True):
    """How an attempt ended, and the phase and due time that its message gets."""

    outcome: DeliveryOutcome
    detail: str | None
    phase: MessagePhase
    due_at: datetime


def record_attempts(
    connection: Connection, attempts: Sequence[tuple[int, DeliveryAttempt, datetime]]
) -> None:
    """Record attempts (message id, attempt, time) and update their messages.

    No delivery holds the messages any more. A message that was deleted with its
    subscriber meanwhile is passed over.
    """
    if not attempts:
        return
    connection.execute(
        _ADD_ATTEMPT,
        [
            {
                "attempted_id": message_id,
                "attempted_at": now,
                "outcome": attempt.outcome,
                "detail": attempt.detail,
            }
            for message_id, attempt, now in attempts
        ],
    )
    connection.execute(
        _UPDATE_ATTEMPTED,
        [
            {
                "attempted_id": message_id,
                "new_phase": attempt.phase,
                "new_due_at": attempt.due_at,
                "new_sent_at": now if attempt.phase == "sent" else None,
            }
            for message_id, attempt, now in attempts
        ],
    )


#: Executed for every attempt; it adds nothing for a message that is gone.
_ADD_ATTEMPT = insert(delivery_attempt).from_select(
    ["message_id", "attempted_at", "outcome", "detail"],
    select(
        message.c.id,
        bindparam("attempted_at", type_=delivery_attempt.c.attempted_at.type),
        bindparam("outcome", type_=delivery_attempt.c.outcome.type),
        bindparam("detail", type_=delivery_attempt.c.detail.type),
    ).where(message.c.id == bindparam("attempted_id")),
)
#: Executed for every attempt.
_UPDATE_ATTEMPTED = (
    update(message)
    .where(message.c.id == bindparam("attempted_id"))
    .values(
        phase=bindparam("new_phase"),
        # An attempt whose message was handed over was counted then.
        attempts=message.c.attempts + case((message.c.phase == "handing_over", 0), else_=1),
        due_at=bindparam("new_due_at"),
        sent_at=bindparam("new_sent_at"),
        **RELEASED,
    )
)


def count_outcomes_since(connection: Connection, outcome: DeliveryOutcome, moment: datetime) -> int:
    """Return how many attempts had an outcome after a time."""
    return connection.execute(
        select(func.count()).where(
            delivery_attempt.c.outcome == outcome, delivery_attempt.c.attempted_at > moment
        )
    ).scalar_one()


def count_attempts(connection: Connection, message_id: int, outcome: DeliveryOutcome) -> int:
    """Return how many attempts to deliver a message ended in one way."""
    return connection.execute(
        select(func.count()).where(
            delivery_attempt.c.message_id == message_id, delivery_attempt.c.outcome == outcome
        )
    ).scalar_one()


def count_unfinished(connection: Connection, keys: Sequence[int]) -> dict[int, int]:
    """Return how often messages were handed over and the process ended before the reply came.

    Args:
        connection: The ledger.
        keys: The ids of messages; those without such an attempt are left out.
    """
    recorded = (
        select(func.count()).where(delivery_attempt.c.message_id == message.c.id).scalar_subquery()
    )
    unfinished = (message.c.attempts - recorded).label("unfinished")
    rows = connection.execute(
        select(message.c.id, unfinished).where(message.c.id.in_(keys), unfinished > 0)
    )
    return {row.id: row.unfinished for row in rows}


def list_held(connection: Connection) -> list[tuple[int, str]]:
    """Return the number and Message-ID of each message in doubt that waits for the operator."""
    rows = connection.execute(
        select(message.c.id, message.c.message_id)
        .where(message.c.phase == "in_doubt")
        .order_by(message.c.id)
    )
    return [(row.id, row.message_id) for row in rows]


def find_oldest_queued(connection: Connection, now: datetime) -> datetime | None:
    """Return when the oldest due message without an attempt was composed; None without one.

    Messages that a server asked us to send later are not counted: they wait for that server.
    """
    waiting = (message.c.phase.in_(("queued", "sending")), message.c.due_at <= now)
    return connection.execute(
        select(message.c.composed_at)
        .where(*waiting, message.c.attempts == 0)
        .order_by(message.c.composed_at)
        .limit(1)
    ).scalar()


def count_deferred(connection: Connection, before: datetime) -> tuple[int, int, str | None]:
    """Return what was put off: messages that were composed before a time, tried, and not accepted.

    Returns:
        How many there are, how many messages have been sent since the oldest of them was composed,
        and what was answered last.
    """
    is_deferred = (
        message.c.phase.in_(UNSENT_PHASES),
        message.c.attempts > 0,
        message.c.composed_at < before,
    )
    number, oldest = connection.execute(
        select(func.count(), func.min(message.c.composed_at)).where(*is_deferred)
    ).one()
    if not number:
        return 0, 0, None
    sent = select(func.count()).where(message.c.sent_at >= oldest)
    last = (
        select(delivery_attempt.c.detail)
        .join(message, message.c.id == delivery_attempt.c.message_id)
        .where(*is_deferred)
        .order_by(delivery_attempt.c.id.desc())
        .limit(1)
    )
    return number, connection.execute(sent).scalar_one(), connection.execute(last).scalar()


def count_by_phase(connection: Connection) -> dict[str, int]:
    """Return how many messages are in each phase."""
    rows = connection.execute(select(message.c.phase, func.count()).group_by(message.c.phase))
    return {phase: number for phase, number in rows}  # noqa: C416  # rows are no pairs to dict()


class MessageStatus(msgspec.Struct, frozen=True):
    """A message as it is listed for the operator, with the detail of its last attempt."""

    id: int
    recipient: str
    subject: str
    phase: MessagePhase
    attempts: int
    composed_at: datetime
    due_at: datetime
    detail: str | None


#: How the last attempt at a message ended.
LAST_DETAIL = (
    select(delivery_attempt.c.detail)
    .where(delivery_attempt.c.message_id == message.c.id)
    .order_by(delivery_attempt.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


def list_newest(
    connection: Connection, phase: MessagePhase | None, recipient: str | None, limit: int
) -> list[MessageStatus]:
    """Return the newest messages, newest first.

    Args:
        connection: The ledger.
        phase: Only messages in this phase; None for all.
        recipient: Only messages to this address; None for all.
        limit: How many to return at most.
    """
    columns = [message.c[name] for name in MessageStatus.__struct_fields__ if name != "detail"]
    wanted = (
        select(*columns, LAST_DETAIL.label("detail")).order_by(message.c.id.desc()).limit(limit)
    )
    if phase is not None:
        wanted = wanted.where(message.c.phase == phase)
    if recipient is not None:
        wanted = wanted.where(message.c.recipient == recipient)
    return [MessageStatus(**row._mapping) for row in connection.execute(wanted)]


def requeue(connection: Connection, keys: Sequence[int], now: datetime) -> int:
    """Queue failed messages and messages in doubt again; return how many were queued."""
    again = (
        update(message)
        .where(message.c.id.in_(keys), message.c.phase.in_(("failed", "in_doubt")))
        .values(phase="queued", due_at=now)
    )
    return connection.execute(again).rowcount


def mark_arrived(connection: Connection, keys: Sequence[int], now: datetime) -> int:
    """Mark messages in doubt as sent; return how many were in doubt."""
    settled = (
        update(message)
        .where(message.c.id.in_(keys), message.c.phase == "in_doubt")
        .values(phase="sent", sent_at=now)
    )
    return connection.execute(settled).rowcount


def requeue_unsent(connection: Connection, recipient: str, since: datetime, now: datetime) -> int:
    """Queue again what an address was not sent because it bounced; return how many messages.

    Whoever has unsubscribed in the meantime is sent nothing: that is checked before sending.
    """
    again = (
        update(message)
        .where(
            message.c.recipient == recipient,
            message.c.composed_at >= since,
            message.c.phase.in_(("failed", "dropped")),
            message.c.body != b"",
        )
        .values(phase="queued", due_at=now)
    )
    return connection.execute(again).rowcount


def delete_bodies(connection: Connection, before: datetime, limit: int) -> int:
    """Delete the bodies of finished messages that were composed before a time.

    Args:
        connection: A connection that may write.
        before: The time.
        limit: Of how many messages at most.

    Returns:
        Of how many it was done.
    """
    some = (
        select(message.c.id)
        .where(
            message.c.phase.in_(("sent", "dropped")),
            message.c.composed_at < before,
            message.c.body != b"",
        )
        .limit(limit)
    )
    emptied = update(message).where(message.c.id.in_(some)).values(body=b"")
    return connection.execute(emptied).rowcount
