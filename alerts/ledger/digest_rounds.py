"""The rounds that composed digests, and what was recorded by then.

A change that is recorded after the first round at a due time waits for the next due time. What was
due while no round was run is due at the next one. Both follow from the rounds: one row for each
quarter of an hour and one for each round with new changes are enough, because no due time lies
within a quarter (see `ROUND_INTERVAL`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, select

from alerts.ledger import changes
from alerts.ledger.due_schema import digest_round
from alerts.ledger.inserts import insert_once

#: Due times are multiples of it: full hours, in time zones that differ from UTC by quarters.
ROUND_INTERVAL = timedelta(minutes=15)
#: Longer than any two due times are apart: those after meetings, over a year.
_RETENTION_PERIOD = timedelta(days=400)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DigestRound(msgspec.Struct, frozen=True):
    """A round: the first of a quarter of an hour, or the first after changes."""

    moment: datetime
    newest_seq: int  #: the number of the newest change that was recorded


def is_missing(connection: Connection, now: datetime) -> bool:
    """Return whether a round of now is to be recorded."""
    newest = find_newest(connection)
    return (
        newest is None
        or _find_quarter(newest.moment) < _find_quarter(now)
        or (newest.newest_seq != changes.get_newest_seq(connection) and newest.moment < now)
    )


def record(connection: Connection, now: datetime) -> None:
    """Record a round that begins now, and forget those of long ago."""
    reached = changes.get_newest_seq(connection)
    insert_once(connection, digest_round, moment=now, newest_seq=reached)
    old = digest_round.c.moment < now - _RETENTION_PERIOD
    connection.execute(delete(digest_round).where(old))


def find_newest(connection: Connection) -> DigestRound | None:
    """Return the newest round; None before the first one."""
    rows = select(digest_round).order_by(digest_round.c.moment.desc()).limit(1)
    row = connection.execute(rows).one_or_none()
    return DigestRound(**row._mapping) if row else None


def find_first_since(connection: Connection, moment: datetime) -> DigestRound | None:
    """Return the first round at or after a moment; None if there is none."""
    rows = select(digest_round).where(digest_round.c.moment >= moment)
    row = connection.execute(rows.order_by(digest_round.c.moment).limit(1)).one_or_none()
    return DigestRound(**row._mapping) if row else None


def forget_after(connection: Connection, moment: datetime) -> None:
    """Forget the rounds after a moment, which a wrong clock dated."""
    connection.execute(delete(digest_round).where(digest_round.c.moment > moment))


def _find_quarter(moment: datetime) -> int:
    return (moment - _EPOCH) // ROUND_INTERVAL
