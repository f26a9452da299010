"""Months of the past that a backfill has read, so that it can continue after a stop."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection, delete, select

from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import backfill_month


class BackfillMonth(msgspec.Struct, frozen=True):
    """One month that was read completely."""

    source: str
    first_day: date
    finished_at: datetime
    questions: int
    seconds: float


def list_finished(connection: Connection, source: str) -> list[BackfillMonth]:
    """Return the months of a source that were read, newest first."""
    rows = connection.execute(
        select(backfill_month)
        .where(backfill_month.c.source == source)
        .order_by(backfill_month.c.first_day.desc())
    )
    return [BackfillMonth(**row._mapping) for row in rows]


def save_finished(connection: Connection, done: BackfillMonth) -> None:
    """Record that a month was read, in place of an earlier reading."""
    same = (backfill_month.c.source == done.source, backfill_month.c.first_day == done.first_day)
    connection.execute(delete(backfill_month).where(*same))
    insert_once(connection, backfill_month, **msgspec.structs.asdict(done))
