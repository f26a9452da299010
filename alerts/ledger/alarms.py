"""Alarms: what the operator is to know of a source, from when it began to when it was over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from alerts.ledger.schema import alarm
from alerts.model import Alarm


def update_open(
    connection: Connection,
    source: str | None,
    reasons: Mapping[str, str],
    checked_kinds: Collection[str],
    now: datetime,
) -> None:
    """Make the open alarms of ``source`` those in ``reasons`` (kind → reason).

    Only the kinds in ``checked_kinds`` were looked at; open alarms of other kinds stay.

    A trouble that lasts keeps its alarm, with the newest reason: nobody is told of it twice.
    """
    mine = {entry.kind: entry for entry in list_open(connection) if entry.source == source}
    for kind, reason in reasons.items():
        if kind in mine:
            same = alarm.c.id == mine[kind].id
            connection.execute(update(alarm).where(same).values(reason=reason))
        else:
            connection.execute(
                insert(alarm).values(source=source, kind=kind, reason=reason, raised_at=now)
            )
    over = [e.id for kind, e in mine.items() if kind in checked_kinds and kind not in reasons]
    connection.execute(update(alarm).where(alarm.c.id.in_(over)).values(cleared_at=now))


def list_open(connection: Connection) -> list[Alarm]:
    """The alarms that are not over, oldest first."""
    return _list_where(connection, alarm.c.cleared_at.is_(None))


def list_unnotified(connection: Connection) -> list[Alarm]:
    """Alarms of which the operator has not been told that they began, or that they are over.

    What was over before anybody could be told of it is not told at all.
    """
    begun = and_(alarm.c.notified_at.is_(None), alarm.c.cleared_at.is_(None))
    over = and_(
        alarm.c.notified_at.is_not(None),
        alarm.c.cleared_at.is_not(None),
        alarm.c.clear_notified_at.is_(None),
    )
    return _list_where(connection, or_(begun, over))


def mark_notified(connection: Connection, entry: Alarm, now: datetime) -> None:
    """Note that a letter about ``entry``, as it stands, is in the outbox."""
    column = "clear_notified_at" if entry.cleared_at else "notified_at"
    connection.execute(update(alarm).where(alarm.c.id == entry.id).values({column: now}))


def _list_where(connection: Connection, where: ColumnElement[bool]) -> list[Alarm]:
    rows = connection.execute(select(alarm).where(where).order_by(alarm.c.id))
    return [Alarm(**row._mapping) for row in rows]
