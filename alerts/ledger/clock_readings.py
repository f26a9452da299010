"""The clock at the last rounds, and what is done when it turns out to have been wrong.

Everything in the ledger is dated by the machine's clock, which can be set. So each round compares
its clock with what the ledger holds, and what it shows is noted at least once a minute. A round
that finds the clock behind the last round sets every moment that now lies in the future back to the
present: a moment that has not come is not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Row, Table, and_, delete, insert, select, update

from alerts.ledger import digest_rounds
from alerts.ledger.due_schema import due_subscriber
from alerts.ledger.schema import clock_reading, metadata, subscription
from alerts.ledger.utc_datetime import UtcDateTime

#: Time servers and virtual machines move a clock by less; no digest is due twice within it.
TOLERANCE = timedelta(minutes=5)
#: A gap between two rounds that gets a reading of its own where the uptime is not known: the
#: service was off, or the clock was set forward.
_GAP = timedelta(days=1)
#: More than are needed for the steps of a clock that is set now and then.
_MAX_READINGS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ClockReading(msgspec.Struct, frozen=True):
    """What the clock showed at a round."""

    moment: datetime
    boot: str | None = None  #: which start of the machine; None where the kernel does not say it
    uptime: float | None = None  #: seconds since then, which no setting of the clock changes
    set_back_at: datetime | None = None  #: when a round last found that the clock had gone back
    is_doubted: bool = False  #: whether a later round was refused because of its clock

    def predict(self, later: ClockReading) -> datetime | None:
        """Return what the clock would show at ``later`` if nobody had set it since this reading.

        None if that is not known: the machine was started again, or does not count its uptime.
        """
        if self.boot is None or self.boot != later.boot:
            return None
        if self.uptime is None or later.uptime is None:
            return None
        return self.moment + timedelta(seconds=later.uptime - self.uptime)

    def agrees_with(self, later: ClockReading, difference: timedelta = TOLERANCE) -> bool:
        """Whether the clock is known to have run on from this reading to ``later``."""
        predicted = self.predict(later)
        return predicted is not None and abs(later.moment - predicted) <= difference


def list_all(connection: Connection) -> list[ClockReading]:
    """Return the readings that are kept, newest last."""
    rows = connection.execute(select(clock_reading).order_by(clock_reading.c.id))
    return [_read(row) for row in rows]


def _read(row: Row[Any]) -> ClockReading:
    return msgspec.convert(row, ClockReading, from_attributes=True)


def mark_doubted(connection: Connection) -> None:
    """Mark that a round was refused: what was written meanwhile may be dated in the future."""
    connection.execute(update(clock_reading).values(is_doubted=True))


def is_expected(readings: Sequence[ClockReading], reading: ClockReading) -> bool:
    """Return whether the clock has run on from the newest of some readings. Pure.

    Then nothing follows from it: nothing is to be mended, and it gets no row of its own.
    """
    if not readings or readings[-1].is_doubted:
        return False
    return not _went_back(readings[-1], reading) and not _is_apart(readings[-1], reading)


def advance(connection: Connection, reading: ClockReading) -> None:
    """Note what the clock shows in the row of the last round.

    Where another process has noted something since that the clock does not agree with, nothing is
    written: the next round compares them again.
    """
    newest = select(clock_reading).order_by(clock_reading.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None:
        return
    known = _read(row)
    if is_expected([known], reading):
        values = msgspec.structs.asdict(reading) | {"set_back_at": known.set_back_at}
        same = and_(
            clock_reading.c.id == row.id,
            clock_reading.c.moment == known.moment,
            ~clock_reading.c.is_doubted,
        )
        connection.execute(update(clock_reading).where(same).values(**values))


def record(connection: Connection, reading: ClockReading) -> bool:
    """Note the clock of a round that is believed, and mend what is dated in the future.

    Returns:
        Whether the clock has gone back since the last round.
    """
    readings = list_all(connection)
    newest = readings[-1] if readings else None
    went_back = newest is not None and _went_back(newest, reading)
    if newest is None or newest.is_doubted or went_back:
        agreeing = (one.moment for one in reversed(readings) if one.agrees_with(reading))
        _bring_back(connection, reading.moment, next(agreeing, None))
    known = newest.set_back_at if newest else None
    set_back_at = reading.moment if went_back else known
    if newest is None or _is_apart(newest, reading):
        values = msgspec.structs.asdict(reading) | {"set_back_at": set_back_at}
        connection.execute(insert(clock_reading).values(**values))
        _delete_oldest(connection)
    else:
        _replace_newest(connection, reading, set_back_at)
    if newest and newest.is_doubted:
        connection.execute(update(clock_reading).values(is_doubted=False))
    return went_back


def _replace_newest(
    connection: Connection, reading: ClockReading, set_back_at: datetime | None
) -> None:
    values = msgspec.structs.asdict(reading) | {"set_back_at": set_back_at}
    last = select(clock_reading.c.id).order_by(clock_reading.c.id.desc()).limit(1)
    mine = clock_reading.c.id == last.scalar_subquery()
    connection.execute(update(clock_reading).where(mine).values(**values))


def _went_back(last: ClockReading, reading: ClockReading) -> bool:
    """Whether the clock shows an earlier time than it did, or than it would if it had run on."""
    predicted = last.predict(reading)
    latest = last.moment if predicted is None else max(last.moment, predicted)
    return latest > reading.moment + TOLERANCE


def _is_apart(last: ClockReading, reading: ClockReading) -> bool:
    """Whether the clock was set since the last reading, or may have been."""
    if last.predict(reading) is not None:
        return not last.agrees_with(reading)
    # The clocks of two machines that work on one ledger differ by less than the tolerance.
    return not -TOLERANCE <= reading.moment - last.moment <= _GAP


def _delete_oldest(connection: Connection) -> None:
    kept = select(clock_reading.c.id).order_by(clock_reading.c.id.desc()).limit(_MAX_READINGS)
    found = list(connection.execute(kept).scalars())
    connection.execute(delete(clock_reading).where(clock_reading.c.id < min(found)))


def _bring_back(connection: Connection, now: datetime, last_right: datetime | None) -> None:
    """Set each moment that lies in the future back.

    Args:
        connection: The ledger.
        now: The present.
        last_right: The last round under a clock that agrees with the present one. What was due
            then was sent then, and nothing that was due later. None if no such round is known:
            then digests that were sent for a time in the future are due again.
    """
    due = subscription.c.last_due_at
    late = due > (now + TOLERANCE if last_right is None else last_right)
    connection.execute(update(subscription).where(late).values(last_due_at=last_right or _EPOCH))
    digest_rounds.forget_after(connection, last_right or now + TOLERANCE)
    # When to look next was reckoned by the wrong clock.
    connection.execute(update(due_subscriber).values(due_at=now))
    for table in metadata.sorted_tables:
        for column in _list_moments(table):
            limit = now + column.info.get("ahead", timedelta()) + TOLERANCE
            ahead = update(table).where(column > limit)
            connection.execute(ahead.values({column.name: now}))


def _list_moments(table: Table) -> list[Column[datetime]]:
    """Return the columns of a table that hold moments, but for the readings themselves."""
    if table is clock_reading:
        return []
    return [column for column in table.c if isinstance(column.type, UtcDateTime)]
