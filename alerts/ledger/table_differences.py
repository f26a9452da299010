"""How the rows of a table differ between two databases, read in the order of their keys."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, Literal, TypeAlias

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, Text, collate, false, select

from alerts.ledger.engine import Ledger
from alerts.ledger.faults import explain_faults
from alerts.ledger.postgres import BEGIN_SNAPSHOT
from alerts.ledger.schema import question

#: A row's values, in the order of the table's columns.
Row: TypeAlias = tuple[Any, ...]
Problem: TypeAlias = Literal["missing", "different", "surplus"]

#: Rows that are fetched at a time. The largest are questions of about 10 kB: 20 MB.
_FETCHED_ROWS = 2000


class WrongRow(msgspec.Struct, frozen=True):
    """A row that the copy has not as the ledger has it."""

    problem: Problem
    row: Row  #: as it is to be; a surplus one as it is


def iter_wrong_rows(
    ledger: Connection,
    copy: Connection,
    table: Table,
    report: Callable[[int], None] = lambda _done: None,
) -> Iterator[WrongRow]:
    """Yield the rows of a table that the copy lacks, has otherwise, or has in surplus.

    Args:
        ledger: A snapshot of the ledger.
        copy: A snapshot of the copy.
        table: The table.
        report: Called now and then with the number of the ledger's rows that were compared.
    """
    with closing(_iter_rows(ledger, table)) as wanted, closing(_iter_rows(copy, table)) as found:
        other = next(found, None)
        for number, row in enumerate(wanted, start=1):
            key = get_key(table, row)
            while other is not None and get_key(table, other) < key:
                yield WrongRow("surplus", other)
                other = next(found, None)
            if other is None or get_key(table, other) != key:
                yield WrongRow("missing", row)
            else:
                if other != row:
                    yield WrongRow("different", row)
                other = next(found, None)
            if not number % _FETCHED_ROWS:
                report(number)
        while other is not None:
            yield WrongRow("surplus", other)
            other = next(found, None)


def get_key(table: Table, row: Row) -> tuple[Any, ...]:
    """Return the values of a row's primary key."""
    return tuple(v for v, column in zip(row, table.columns, strict=True) if column.primary_key)


def _iter_rows(connection: Connection, table: Table) -> Generator[Row, None, None]:
    """Yield the rows of a table in the order of their keys, text by its code points.

    Questions are read as not in the index of words, which is not copied.
    """
    columns = [
        false().label(column.name) if column is question.c.is_indexed else column
        for column in table.columns
    ]
    wanted = select(*columns).order_by(*(_order(connection, key) for key in table.primary_key))
    with connection.execution_options(yield_per=_FETCHED_ROWS).execute(wanted) as result:
        for row in result:
            yield tuple(row)


def _order(connection: Connection, column: Column[Any]) -> ColumnElement[Any]:
    """Return what orders a column alike in both databases, and as Python orders its values."""
    is_text = isinstance(column.type, Text)
    return collate(column, "C") if is_text and connection.dialect.name == "postgresql" else column


@contextmanager
def open_snapshot(ledger: Ledger) -> Iterator[Connection]:
    """Open a transaction that sees the ledger as it is now, however long it is read."""
    if ledger.is_sqlite:
        with ledger.reading() as connection:
            yield connection
        return
    engine = ledger.engine.execution_options(begin=BEGIN_SNAPSHOT)
    with explain_faults(engine), engine.begin() as connection:
        yield connection
