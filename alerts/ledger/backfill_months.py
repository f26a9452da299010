"""Months of the past that a backfill has read to their end, so that it can go on after a stop."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection, delete, select

from alerts.ledger.base import insert_once
from alerts.ledger.schema import month


class Month(msgspec.Struct, frozen=True):
    """One month that was read: what it held and what it took."""

    source: str
    begins: date
    finished_at: datetime
    questions: int
    seconds: float


def finished(connection: Connection, source: str) -> list[Month]:
    """The months of ``source`` that are done, newest first."""
    rows = connection.execute(
        select(month).where(month.c.source == source).order_by(month.c.begins.desc())
    )
    return [Month(**row._mapping) for row in rows]


def finish(connection: Connection, done: Month) -> None:
    """Note that a month was read to its end, in place of an earlier time."""
    same = (month.c.source == done.source, month.c.begins == done.begins)
    connection.execute(delete(month).where(*same))
    insert_once(connection, month, **msgspec.structs.asdict(done))
