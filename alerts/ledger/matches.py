"""Matches: one change, one topic."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from alerts.ledger.base import insert_all_once
from alerts.ledger.tables import change, match

#: Written at once: a million matches are not all to stand in memory as rows.
_ROWS = 20_000


def add(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Record which topics (their ids) match which changes (their numbers), each once."""
    for start in range(0, len(pairs), _ROWS):
        rows = [{"topic_id": t, "change_seq": seq} for t, seq in pairs[start : start + _ROWS]]
        insert_all_once(connection, match, rows)


def newest(connection: Connection, topic_id: int, limit: int) -> list[int]:
    """Numbers of a topic's newest changes that its feed shows, newest first.

    Old questions that came to light late are left out: they would stand in a reader's list as if
    they had just happened. What the baseline found is in, so that a new feed is not empty.
    """
    rows = connection.execute(
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(
            match.c.topic_id == topic_id,
            or_(change.c.silent_because.is_(None), change.c.silent_because == "baseline"),
        )
        .order_by(match.c.change_seq.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def newest_number(connection: Connection, topic_id: int) -> int:
    """The number of a topic's newest match, shown or not; 0 when it has none."""
    rows = connection.execute(
        select(match.c.change_seq)
        .where(match.c.topic_id == topic_id)
        .order_by(match.c.change_seq.desc())
        .limit(1)
    )
    return rows.scalar() or 0
