"""What the metrics count beside what other modules list. Each statement reads an index's range."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import get_args

import msgspec
from sqlalchemy import Connection, func, select

from alerts.ledger.deliveries import count_outcomes_since
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.due_subscribers import AT_ONCE
from alerts.ledger.messages import UNSENT_PHASES, DeliveryOutcome
from alerts.ledger.schema import held_change, message, suppression

#: Messages that are not done with, those in doubt included.
OPEN_PHASES = (*UNSENT_PHASES, "in_doubt")


class OpenMessages(msgspec.Struct, frozen=True):
    """The messages of one phase that are still in the outbox."""

    phase: str
    number: int
    oldest: datetime  #: when the oldest of them was composed


class DueDigests(msgspec.Struct, frozen=True):
    """The subscribers who are to be looked at now, which is a few more than are sent a digest."""

    subscribers: int
    oldest: datetime | None  #: the earliest of their due times; None where none has a time


def list_open_messages(connection: Connection) -> list[OpenMessages]:
    """Return how many messages wait in each phase. It takes as long as there are such messages."""
    rows = connection.execute(
        select(message.c.phase, func.count(), func.min(message.c.composed_at))
        .where(message.c.phase.in_(OPEN_PHASES))
        .group_by(message.c.phase)
    )
    return [OpenMessages(phase, number, oldest) for phase, number, oldest in rows]


def count_attempts_since(connection: Connection, moment: datetime) -> dict[str, int]:
    """Return how many delivery attempts had each outcome after a time, also where none had."""
    return {
        outcome: count_outcomes_since(connection, outcome, moment)
        for outcome in get_args(DeliveryOutcome)
    }


def count_suppressed(connection: Connection) -> dict[str, int]:
    """Return to how many addresses nothing may be sent, by reason."""
    rows = connection.execute(
        select(suppression.c.reason, func.count()).group_by(suppression.c.reason)
    )
    return {reason: number for reason, number in rows}  # noqa: C416  # rows are no pairs to dict()


def count_due_digests(connection: Connection, now: datetime) -> DueDigests:
    """Return whose digests are due."""
    is_due = due_subscriber.c.due_at <= now
    number = connection.execute(select(func.count()).where(is_due)).scalar_one()
    oldest = connection.execute(
        select(func.min(due_subscriber.c.due_at)).where(is_due, due_subscriber.c.due_at > AT_ONCE)
    ).scalar()
    return DueDigests(number, oldest)


def count_held_changes(connection: Connection) -> Counter[tuple[str, ...]]:
    """Return how many changes wait for the operator's approval, by source and kind."""
    columns = (held_change.c.source, held_change.c.kind)
    rows = connection.execute(
        select(*columns, func.count())
        .where(held_change.c.hold_reason != "crawl")
        .group_by(*columns)
    )
    return Counter({(source, kind): number for source, kind, number in rows})
