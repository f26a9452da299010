"""Inserting rows whose unique key may exist already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

#: Values of one statement. Before version 3.32, SQLite took at most 999 parameters.
MAX_PARAMETERS = 500

_Value = TypeVar("_Value")


def iter_parameters(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Yield ``values`` in pieces that one statement can take as parameters."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]


def insert_once(connection: Connection, table: Table, **values: Any) -> tuple[Any, ...] | None:
    """Insert a row and return its primary key; None if a row with its unique key exists."""
    statement = _insert(connection, table).values(**values).on_conflict_do_nothing()
    # RETURNING tells whether the row was inserted; on PostgreSQL the row count does not.
    row = connection.execute(statement.returning(*table.primary_key)).one_or_none()
    return tuple(row) if row is not None else None


def insert_all_once(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, except those whose unique key exists."""
    connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)
