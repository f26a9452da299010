"""The database's clock, by which leases are reckoned.

Several machines compare them, so the moments must come from one clock. On SQLite it is the clock of
the machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, DateTime, Float, func, literal, literal_column

from alerts.ledger.utc_datetime import UtcDateTime

#: As SQLAlchemy stores moments in SQLite: with microseconds, of which SQLite's clock has none.
_SQLITE_FORMAT = "%Y-%m-%d %H:%M:%f000"


def read_after(connection: Connection, period: timedelta = timedelta()) -> ColumnElement[datetime]:
    """Return the expression for the moment that comes a period after the statement began."""
    return build_after(connection.dialect.name, period)


def build_after(dialect: str, period: timedelta) -> ColumnElement[datetime]:
    """Return the same expression for a dialect, for statements that are built once."""
    if dialect == "sqlite":
        modifier = f"{period.total_seconds():+.3f} seconds"
        return func.strftime(_SQLITE_FORMAT, "now", modifier, type_=UtcDateTime)
    return func.statement_timestamp(type_=DateTime(timezone=True)) + literal(period)


def read_seconds(connection: Connection) -> ColumnElement[float]:
    """Return the expression for the seconds since 1970, also while a statement waits for a lock."""
    if connection.dialect.name == "sqlite":
        # A Julian day as a double is exact to 0.04 ms; the number is that of 1 January 1970.
        return literal_column("(julianday('now') - 2440587.5) * 86400.0", Float)
    return literal_column("extract(epoch from clock_timestamp())::float8", Float)
