"""What all tables share: moments in UTC, names of constraints, and the insert that happens once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, MetaData, Table, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both sides."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive datetime is a mistake in our code."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite has no time zones: what comes back is the UTC that went in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def insert_once(connection: Connection, table: Table, **values: Any) -> tuple[Any, ...] | None:
    """Insert a row and give its primary key; None where its unique key was there already."""
    statement = _insert(connection, table).values(**values).on_conflict_do_nothing()
    # RETURNING, because the row count of such an insert is not to be had on PostgreSQL.
    row = connection.execute(statement.returning(*table.primary_key)).one_or_none()
    return tuple(row) if row is not None else None


def insert_all_once(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows but for those whose unique key is there already."""
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)
