"""Copying a ledger into another database, from SQLite to PostgreSQL or back.

A copy is made in passes. A pass walks through both databases, table by table in the order of the
keys, and writes into the copy what it lacks or has otherwise. The last pass finds nothing to write:
it has compared every row with the ledger as it was at one moment. So a copy that was broken off
goes on where it was, and what was written into the ledger meanwhile is copied too.

Tables whose rows describe processes are left out, and so is the index of words, which is made from
the questions anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from alerts.errors import ExitStatus
from alerts.ledger import schema_version
from alerts.ledger.delivery_schema import channel_licence
from alerts.ledger.engine import Ledger, open_ledger
from alerts.ledger.schema import (
    acronym,
    indexed_question,
    message,
    metadata,
    question,
    subscriber,
    topic,
    vocabulary,
)
from alerts.ledger.service_schema import process, writer
from alerts.ledger.table_differences import WrongRow, get_key, iter_wrong_rows, open_snapshot
from alerts.ledger.urls import LedgerError, format_url, parse_url

T = TypeVar("T")

#: Rows that are written in one transaction. The largest are questions of about 10 kB: 20 MB.
_BATCH = 2000
#: The first pass copies, the second compares. Two more are for a ledger that pages write into.
_MAX_PASSES = 4

_LEFT_OUT = (writer, process, channel_licence, indexed_question, vocabulary, acronym)
#: A ledger with rows in one of these is in use.
_CONTENTS = (subscriber, topic, question, message)
_COPIED = tuple(table for table in metadata.sorted_tables if table not in _LEFT_OUT)


class LedgerChanging(LedgerError):
    """The ledger was written to while it was copied."""

    exit_status = ExitStatus.RETRY


class TableCopy(msgspec.Struct, frozen=True):
    """How many rows of a table are in the copy, each compared with that of the ledger."""

    table: str
    rows: int


def copy_ledger(
    source: Ledger,
    url: str,
    on_progress: Callable[[str, int, int], None] = lambda _table, _done, _total: None,
) -> tuple[Ledger, list[TableCopy]]:
    """Copy a ledger into an empty database, or go on with a copy that was broken off.

    The caller is the writer of the ledger.

    Args:
        source: The ledger.
        url: The database to copy it into; a file is created.
        on_progress: Called with a table's name, how many rows of it are done, and how many it has.

    Returns:
        The copy, which the caller closes, and what is in it.

    Raises:
        LedgerError: The database cannot be used, it has another ledger in it, or a row cannot be
            copied: the message names it.
        LedgerChanging: Others went on writing into the ledger. What is copied stays.
    """
    if _name_place(source.engine.url) == _name_place(parse_url(url)):
        raise LedgerError("a ledger cannot be copied into itself: name another database")
    target = _open_target(url)
    try:
        tables = _copy_until_equal(source, target, on_progress)
        _copy_counters(source, target)
        with target.writing() as connection:
            schema_version.mark_copy(connection, is_finished=True)
    except BaseException:
        target.close()
        raise
    return target, tables


def _name_place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(Path(str(url.database)).resolve())
    return format_url(url)


def _open_target(url: str) -> Ledger:
    """Open the database that a ledger is copied into, and mark it as an unfinished copy."""
    target = open_ledger(url, accepts_copy=True)
    with target.writing() as connection:
        used = next((t.name for t in _CONTENTS if _has_rows(connection, t)), None)
        if used is None or schema_version.is_unfinished_copy(connection):
            schema_version.mark_copy(connection, is_finished=False)
            return target
    target.close()
    raise LedgerError(
        f"{format_url(target.engine.url)} holds a ledger that is in use (it has rows in the table "
        f"{used}): nothing was written; name an empty database"
    )


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(table).limit(1)).first() is not None


def _copy_until_equal(
    source: Ledger, target: Ledger, on_progress: Callable[[str, int, int], None]
) -> list[TableCopy]:
    for _ in range(_MAX_PASSES):
        written, tables = _make_pass(source, target, on_progress)
        if not written:
            return tables
    raise LedgerChanging(
        "the ledger was written to while it was copied: stop what serves its pages and run this"
        " command again; it goes on where it was"
    )


def _make_pass(
    source: Ledger, target: Ledger, on_progress: Callable[[str, int, int], None]
) -> tuple[int, list[TableCopy]]:
    """Make the copy equal to the ledger as it is now.

    Returns:
        How many rows were written or deleted, and what is in the copy.
    """
    tables: list[TableCopy] = []
    with open_snapshot(source) as ledger, open_snapshot(target) as copy:
        written = _delete_surplus(ledger, copy, target)
        for table in _COPIED:
            total = ledger.execute(select(func.count()).select_from(table)).scalar_one()

            def report(done: int, name: str = table.name, total: int = total) -> None:
                on_progress(name, done, total)

            written += _write_wrong(iter_wrong_rows(ledger, copy, table, report), target, table)
            report(total)
            tables.append(TableCopy(str(table.name), total))
    return written, tables


def _delete_surplus(ledger: Connection, copy: Connection, target: Ledger) -> int:
    """Delete rows that the ledger has no more, those that refer to others first."""
    deleted = 0
    for table in reversed(_COPIED):
        if not _has_rows(copy, table):
            continue
        places = [table.columns.keys().index(column.name) for column in table.primary_key]
        wrong = iter_wrong_rows(ledger, copy, table)
        surplus = (one.row for one in wrong if one.problem == "surplus")
        for batch in _iter_batches(surplus):
            keys = [{f"key_{place}": row[place] for place in places} for row in batch]
            with target.writing_shard() as connection:
                connection.execute(delete(table).where(_has_key(table)), keys)
            deleted += len(batch)
    return deleted


def _write_wrong(wrong: Iterator[WrongRow], target: Ledger, table: Table) -> int:
    """Add the rows that are missing in the copy, and correct the others; return how many."""
    written = 0
    for batch in _iter_batches(one for one in wrong if one.problem != "surplus"):
        with target.writing_shard() as connection:
            try:
                with connection.begin_nested():
                    _write(connection, table, batch)
            except (DBAPIError, ValueError):
                _name_culprit(connection, table, batch)
        written += len(batch)
    return written


def _write(connection: Connection, table: Table, rows: Sequence[WrongRow]) -> None:
    names = table.columns.keys()
    missing = [dict(zip(names, r.row, strict=True)) for r in rows if r.problem == "missing"]
    if missing:
        connection.execute(insert(table), missing)
    other = [r.row for r in rows if r.problem == "different"]
    if other:
        values: dict[str, Any] = {
            name: bindparam(f"value_{place}") for place, name in enumerate(names)
        }
        parameters = [
            {f"{kind}_{place}": value for place, value in enumerate(row) for kind in _PARAMETERS}
            for row in other
        ]
        connection.execute(update(table).where(_has_key(table)).values(values), parameters)


#: What the parameters of a statement are named with, before the place of their column.
_PARAMETERS = ("key", "value")


def _has_key(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row has the key in the parameters ``key_0``, ``key_1``."""
    names = table.columns.keys()
    return and_(*(c == bindparam(f"key_{names.index(c.name)}") for c in table.primary_key))


def _name_culprit(connection: Connection, table: Table, rows: Sequence[WrongRow]) -> None:
    """Write rows one by one, and raise :class:`LedgerError` with the first that cannot be."""
    for one in rows:
        try:
            with connection.begin_nested():
                _write(connection, table, [one])
        except (DBAPIError, ValueError) as error:
            reason = " ".join(str(getattr(error, "orig", error)).split())
            key = ", ".join(map(str, get_key(table, one.row)))
            raise LedgerError(
                f"the row {key} of the table {table.name} cannot be copied ({reason}): "
                "mend or delete it, and run this command again; it goes on where it was"
            ) from error


def _iter_batches(rows: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _copy_counters(source: Ledger, target: Ledger) -> None:
    """Let numbers of rows that were deleted not be used again in the copy."""
    with source.reading() as ledger, target.writing() as copy:
        for table in _COPIED:
            column = table.autoincrement_column
            if column is not None and (last := _find_last_number(ledger, table, column)):
                _set_last_number(copy, table, column, last)


def _find_last_number(connection: Connection, table: Table, column: Column[Any]) -> int:
    """Return the highest number that a row of the table ever had, as far as it is known."""
    highest = connection.execute(select(func.max(column))).scalar() or 0
    if connection.dialect.name == "sqlite":
        # The table is there because some tables of the ledger never use a number twice.
        known = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        last = connection.execute(known, {"table": table.name}).scalar()
    else:
        known = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column))")
        last = connection.execute(known, {"table": table.name, "column": column.name}).scalar()
    return max(highest, last or 0)


def _set_last_number(connection: Connection, table: Table, column: Column[Any], last: int) -> None:
    if connection.dialect.name != "sqlite":
        wanted = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        names = {"table": table.name, "column": column.name}
        connection.execute(wanted, {**names, "last": last})
    elif table.dialect_options["sqlite"]["autoincrement"]:
        values = {"table": table.name, "last": last}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
        added = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
        connection.execute(added, values)
