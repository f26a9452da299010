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


def insert_pairs_once(
    connection: Connection, table: Table, pairs: Sequence[tuple[int, int]]
) -> None:
    """Insert rows of a table whose primary key is two integers, except those that exist.

    Each 20,000 rows are one statement. On PostgreSQL they are two arrays as text, which costs a
    client as little as COPY (3 ms of processor for 20,000 rows; one set of parameters for each row,
    170 ms), and makes no temporary table. They are inserted in order of their keys, so that two
    transactions with the same rows wait for each other and never both (a deadlock).

    Args:
        connection: Of the ledger, in a transaction that writes.
        table: Its primary key has two integer columns; other columns get their defaults.
        pairs: The two values of each row, in the order of the primary key's columns.
    """
    columns = ", ".join(f'"{column.name}"' for column in table.primary_key)
    head = f'INSERT INTO "{table.name}" ({columns})'
    ordered = sorted(pairs)
    for start in range(0, len(ordered), _PAIRS):
        some = ordered[start : start + _PAIRS]
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"{head} VALUES (?, ?) ON CONFLICT DO NOTHING", some)
        else:
            connection.exec_driver_sql(f"{head} {_SELECT_PAIRS}", _format_arrays(some))


#: Rows of one statement: with 2 × 8 digits, 400 kB of text.
_PAIRS = 20_000
_SELECT_PAIRS = (
    "SELECT * FROM unnest(CAST(CAST(%s AS text) AS integer[]), CAST(CAST(%s AS text) AS integer[]))"
    " ON CONFLICT DO NOTHING"
)


def _format_arrays(pairs: Sequence[tuple[int, int]]) -> tuple[str, str]:
    """Return the first and the second values as arrays of PostgreSQL: ``{1,2}``."""
    first = ",".join([str(one) for one, _ in pairs])
    second = ",".join([str(other) for _, other in pairs])
    return f"{{{first}}}", f"{{{second}}}"


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)
