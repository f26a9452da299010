"""Alarms: what the operator is to know of a source, from when it began to when it was over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from alerts.ledger.schema import alarm
from alerts.model import Alarm


def settle(
    connection: Connection,
    source: str,
    troubles: Mapping[str, str],
    among: Collection[str],
    now: datetime,
) -> None:
    """Make the open alarms of ``source`` those in ``troubles`` (kind → reason).

    Only the kinds in ``among`` were looked at; open alarms of other kinds stay.

    A trouble that lasts keeps its alarm, with the newest reason: nobody is told of it twice.
    """
    mine = {entry.kind: entry for entry in standing(connection) if entry.source == source}
    for kind, reason in troubles.items():
        if kind in mine:
            same = alarm.c.id == mine[kind].id
            connection.execute(update(alarm).where(same).values(reason=reason))
        else:
            connection.execute(
                insert(alarm).values(source=source, kind=kind, reason=reason, raised_at=now)
            )
    over = [e.id for kind, e in mine.items() if kind in among and kind not in troubles]
    connection.execute(update(alarm).where(alarm.c.id.in_(over)).values(cleared_at=now))


def standing(connection: Connection) -> list[Alarm]:
    """The alarms that are not over, oldest first."""
    return _all(connection, alarm.c.cleared_at.is_(None))


def untold(connection: Connection) -> list[Alarm]:
    """Alarms of which the operator has not been told that they began, or that they are over.

    What was over before anybody could be told of it is not told at all.
    """
    begun = and_(alarm.c.told_at.is_(None), alarm.c.cleared_at.is_(None))
    over = and_(
        alarm.c.told_at.is_not(None),
        alarm.c.cleared_at.is_not(None),
        alarm.c.cleared_told_at.is_(None),
    )
    return _all(connection, or_(begun, over))


def told(connection: Connection, entry: Alarm, now: datetime) -> None:
    """Note that a letter about ``entry``, as it stands, is in the outbox."""
    column = "cleared_told_at" if entry.cleared_at else "told_at"
    connection.execute(update(alarm).where(alarm.c.id == entry.id).values({column: now}))


def _all(connection: Connection, where: ColumnElement[bool]) -> list[Alarm]:
    rows = connection.execute(select(alarm).where(where).order_by(alarm.c.id))
    return [Alarm(**row._mapping) for row in rows]
