"""Changes: append-only, numbered in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Row, func, select

from alerts.changes import Change, Numbered, Silence
from alerts.ledger.base import insert_once
from alerts.ledger.tables import change
from crawler.records import decode, encode


def append(
    connection: Connection, entry: Change, now: datetime, silent_because: Silence | None
) -> bool:
    """Record ``entry``; False when the very same change was recorded before."""
    added = insert_once(
        connection,
        change,
        question_id=entry.after.id,
        kind=entry.kind,
        digest=entry.digest,
        recorded_at=now,
        silent_because=silent_because,
        before=encode(entry.before).decode() if entry.before else None,
        after=encode(entry.after).decode(),
    )
    return added is not None


def newest(connection: Connection) -> int:
    """The number of the newest change; 0 when there is none."""
    newest_yet = connection.execute(select(func.max(change.c.seq))).scalar()
    return newest_yet or 0


def between(connection: Connection, after: int, to: int, limit: int) -> list[Numbered]:
    """Changes numbered above ``after`` and up to ``to``, in order, ``limit`` at most."""
    rows = connection.execute(
        select(change)
        .where(change.c.seq > after, change.c.seq <= to)
        .order_by(change.c.seq)
        .limit(limit)
    )
    return [_numbered(row) for row in rows]


def get(connection: Connection, numbers: Sequence[int]) -> dict[int, Numbered]:
    """The changes with the given numbers."""
    found: dict[int, Numbered] = {}
    for start in range(0, len(numbers), 500):  # a database takes only so many in one statement
        some = change.c.seq.in_(numbers[start : start + 500])
        found |= {row.seq: _numbered(row) for row in connection.execute(select(change).where(some))}
    return found


def _numbered(row: Row[tuple[object, ...]]) -> Numbered:
    fields = row._mapping
    before = fields["before"]
    return Numbered(
        fields["seq"],
        fields["recorded_at"],
        fields["silent_because"],
        Change(
            fields["kind"],
            fields["digest"],
            decode(fields["after"]),
            decode(before) if before else None,
        ),
    )


def kinds(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """What has happened to questions, by their ids."""
    found: dict[str, list[str]] = {}
    wanted = select(change.c.question_id, change.c.kind).where(change.c.question_id.in_(ids))
    for row in connection.execute(wanted.distinct().order_by(change.c.kind)):
        found.setdefault(row.question_id, []).append(row.kind)
    return found
