"""Alarms: what the operator must act on, about one source or about the whole service."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from alerts.ledger.inserts import insert_all_once
from alerts.ledger.schema import alarm
from alerts.model import Alarm
from alerts.refusals import mask_addresses


def update_open(
    connection: Connection,
    source: str | None,
    reasons: Mapping[str, str],
    checked_kinds: Collection[str],
    now: datetime,
) -> None:
    """Make the open alarms of a source those in ``reasons``.

    Whom an email address in a reason names is left out: alarms are kept when subscribers are not,
    and a mail server's reply often names one. An alarm that stays open gets the newest reason, and
    the operator is not notified again.

    Nothing is written where nothing is different. Several processes may do it at once: of those
    that raise the same alarm one does, and the first that clears it says when.

    Args:
        connection: The ledger.
        source: The source; None for alarms about the whole service.
        reasons: Why each alarm is open, by its kind.
        checked_kinds: The kinds that were checked. Open alarms of other kinds stay open.
        now: When alarms are raised and cleared.
    """
    mine = {entry.kind: entry for entry in list_open(connection) if entry.source == source}
    for kind, reason in ((kind, mask_addresses(reason)) for kind, reason in reasons.items()):
        if kind not in mine:
            row = {"source": source, "kind": kind, "reason": reason, "raised_at": now}
            insert_all_once(connection, alarm, [row])
        elif mine[kind].reason != reason:
            same = alarm.c.id == mine[kind].id
            connection.execute(update(alarm).where(same).values(reason=reason))
    _clear(
        connection,
        [e.id for kind, e in mine.items() if kind in checked_kinds and kind not in reasons],
        now,
    )


def _clear(connection: Connection, keys: Sequence[int], now: datetime) -> None:
    if keys:
        still_open = (alarm.c.id.in_(keys), alarm.c.cleared_at.is_(None))
        connection.execute(update(alarm).where(*still_open).values(cleared_at=now))


def clear_other_sources(connection: Connection, sources: Collection[str], now: datetime) -> None:
    """Clear the alarms about sources that are not read any more: nothing else ever would.

    Args:
        connection: The ledger.
        sources: Those that are read.
        now: When the alarms are cleared.
    """
    others = [e.id for e in list_open(connection) if e.source and e.source not in sources]
    _clear(connection, others, now)


def list_open(connection: Connection) -> list[Alarm]:
    """Return the alarms that are not cleared, oldest first."""
    return _list_where(connection, alarm.c.cleared_at.is_(None))


def has_open(connection: Connection, source: str | None, kind: str, reason: str | None) -> bool:
    """Return whether the open alarm of a kind is as :func:`update_open` would leave it.

    Args:
        connection: The ledger.
        source: The source; None for an alarm about the whole service.
        kind: Its kind.
        reason: Why it should be open; None if it should not be.
    """
    mine = [e.reason for e in list_open(connection) if (e.source, e.kind) == (source, kind)]
    return mine == ([] if reason is None else [mask_addresses(reason)])


def list_cleared(
    connection: Connection, kinds: Collection[str], since: datetime, limit: int
) -> list[Alarm]:
    """Return alarms of some kinds that were cleared after a moment, newest first."""
    wanted = select(alarm).where(alarm.c.cleared_at > since, alarm.c.kind.in_(kinds))
    rows = connection.execute(wanted.order_by(alarm.c.raised_at.desc()).limit(limit))
    return [Alarm(**row._mapping) for row in rows]


def list_unnotified(connection: Connection) -> list[Alarm]:
    """Return the alarms of which the operator must still be notified: raised, or cleared.

    An alarm that was cleared before the operator was notified of it is left out.
    """
    is_new = and_(alarm.c.notified_at.is_(None), alarm.c.cleared_at.is_(None))
    is_over = and_(
        alarm.c.notified_at.is_not(None),
        alarm.c.cleared_at.is_not(None),
        alarm.c.clear_notified_at.is_(None),
    )
    return _list_where(connection, or_(is_new, is_over))


def mark_notified(connection: Connection, entry: Alarm, now: datetime) -> None:
    """Mark that an email about the alarm, as raised or as cleared, is in the outbox."""
    column = "clear_notified_at" if entry.cleared_at else "notified_at"
    connection.execute(update(alarm).where(alarm.c.id == entry.id).values({column: now}))


def _list_where(connection: Connection, where: ColumnElement[bool]) -> list[Alarm]:
    rows = connection.execute(select(alarm).where(where).order_by(alarm.c.id))
    return [Alarm(**row._mapping) for row in rows]
