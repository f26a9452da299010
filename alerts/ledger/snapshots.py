"""The ledger as it is at one moment: how many rows it has, and a copy of it as a file.

A ledger of an older schema is read as it is: a backup before an upgrade is made by the program that
will upgrade it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, create_engine, func, inspect, select, table
from sqlalchemy.exc import DBAPIError

from alerts.ledger import schema_version
from alerts.ledger.engine import Ledger
from alerts.ledger.rate_counts import TABLE_NAME as RATE_COUNTS
from alerts.ledger.sqlite_connection import get_primary_code
from alerts.ledger.table_differences import open_snapshot
from alerts.ledger.urls import LedgerError, find_file, format_url, name_ledger

#: Pages of 4 KiB that are copied in one step: 4 MB, after which progress is shown. Writers do not
#: wait for the copy at all: it reads one snapshot of a file in WAL mode.
_STEP_PAGES = 1000
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class LedgerState(msgspec.Struct, frozen=True):
    """What a ledger holds."""

    schema: str  #: the number of its newest migration: ``0034``
    rows: dict[str, int]  #: by table


def open_as_it_is(url: str, *, role: str) -> Ledger:
    """Open a ledger of any schema for reading; migrate nothing.

    Args:
        url: As of :func:`alerts.ledger.open_ledger`.
        role: The same.

    Raises:
        LedgerError: There is no ledger, or it is an unfinished copy of another one.
        LedgerUnavailable: The database cannot be used now.
    """
    file = find_file(url)
    if file is not None and not (file.is_file() and file.stat().st_size):
        raise LedgerError(f"there is no ledger at {name_ledger(url)}")
    ledger = Ledger.open_for_reading(url, role=role)
    try:
        with ledger.reading() as connection:
            if schema_version.find(connection) is None:
                raise LedgerError(f"there is no ledger at {name_ledger(url)}")
            if schema_version.is_unfinished_copy(connection):
                raise LedgerError(f"{name_ledger(url)} is an unfinished copy of a ledger")
    except BaseException:
        ledger.close()
        raise
    return ledger


@contextmanager
def open_state(ledger: Ledger) -> Iterator[tuple[Connection, LedgerState]]:
    """Open a transaction that sees the ledger at one moment, and what it holds then."""
    with open_snapshot(ledger) as connection:
        yield connection, read_state(connection)


def read_state(connection: Connection) -> LedgerState:
    """Return the schema of a ledger, and how many rows each of its tables has.

    Counts of requests are left out: they are forgotten after a day, and are in no backup.
    """
    names = sorted(filter(_is_counted, inspect(connection).get_table_names()))
    rows = {
        name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        for name in names
    }
    return LedgerState(schema_version.find(connection) or "", rows)


def _is_counted(table_name: str) -> bool:
    """Return whether rows of a table are counted: not those of the index of words, in its parts."""
    return table_name != RATE_COUNTS and table_name.partition("_")[0] != "word"


def export_snapshot(connection: Connection) -> str:
    """Return the name by which another session of PostgreSQL sees what this transaction sees."""
    return str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())


def read_server_version(connection: Connection) -> int:
    """Return the major version of the PostgreSQL server: 15."""
    number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(number) // 10_000


def copy_to_file(
    ledger: Ledger, connection: Connection, target: Path, on_progress: Callable[[int, int], None]
) -> None:
    """Copy a SQLite ledger into a file, as a transaction sees it.

    The copy is one file without a write-ahead log, on disk when this returns.

    Args:
        ledger: The ledger.
        connection: Of :func:`open_state`. While it has read something, SQLite keeps what it sees,
            and others write beside it.
        target: The file, which is not there yet.
        on_progress: Called with the pages that are copied and their number in all.

    Raises:
        LedgerError: The ledger is damaged.
        OSError: The file cannot be written: there is no room.
    """
    source: Any = connection.connection.driver_connection
    try:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(
                copy,
                pages=_STEP_PAGES,
                progress=lambda _status, left, total: on_progress(total - left, total),
            )
    except sqlite3.Error as error:
        if get_primary_code(error) in _DAMAGED:
            shown = format_url(ledger.engine.url)
            raise LedgerError(f"the ledger {shown} is damaged: {error}") from error
        raise OSError(errno.ENOSPC, str(error), str(target)) from error
    settle_file(target)


def settle_file(path: Path) -> None:
    """Let a SQLite file that nobody else uses be one file, without a log beside it, and on disk."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_damage(path: Path) -> str | None:
    """Return what SQLite finds wrong with a file in all of its pages and indexes; None if nothing.

    The file is one without a log beside it, and is only read.
    """
    try:
        with closing(_connect_unchanged(path)) as file:
            [found] = file.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return None if found == "ok" else str(found)


def read_file_state(path: Path) -> LedgerState:
    """Return what a SQLite ledger holds that nobody else uses; the file is only read.

    Raises:
        LedgerError: It is no ledger.
    """
    engine = create_engine("sqlite://", creator=partial(_connect_unchanged, path))
    try:
        with engine.connect() as connection:
            return read_state(connection)
    except DBAPIError as error:
        raise LedgerError(f"{path} cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


def _connect_unchanged(path: Path) -> sqlite3.Connection:
    """Open a SQLite file that nobody writes, and write neither it nor a file beside it."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


def has_newest_schema(connection: Connection) -> bool:
    """Return whether a ledger has the schema of this program."""
    return schema_version.find(connection) == schema_version.get_newest()


def is_known(schema: str) -> bool:
    """Return whether this program has the migration of a schema, and can upgrade from it."""
    return schema in schema_version.list_known()
