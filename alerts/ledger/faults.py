"""What an error of the database means: whether it passes by itself, and how it is told."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger.sqlite_connection import get_primary_code
from alerts.ledger.urls import LedgerError, format_url

#: SQLite: locked by another process, disk full, an error of the disk, a file that cannot be opened
#: (https://www.sqlite.org/rescode.html).
_SQLITE_PASSING = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    )
)
_SQLITE_LASTING = frozenset(
    (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY)
)
#: What SQLite says of a full disk, beside SQLITE_FULL.
_SQLITE_NO_ROOM = frozenset((sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN))
#: Bytes: SQLite makes the index of its log in pieces of 32 KiB.
_LEAST_ROOM = 64 * 1024

#: Classes of SQLSTATE codes (https://www.postgresql.org/docs/current/errcodes-appendix.html):
#: connection, rolled back, insufficient resources, operator intervention, system error.
_POSTGRES_PASSING_CLASSES = frozenset(("08", "40", "53", "57", "58"))
#: Read-only transaction, which a standby server gives; idle transaction ended; lock not available.
_POSTGRES_PASSING = frozenset(("25006", "25P03", "55P03"))
#: Damaged data or index.
_POSTGRES_LASTING_CLASSES = frozenset(("XX",))


class LedgerUnavailable(WatchwordError):
    """The ledger cannot be used now: locked, its disk full, its server gone. Later it may be."""

    exit_status = ExitStatus.RETRY


class WriterLost(LedgerUnavailable):
    """This process is no longer the writer of the ledger; nothing was written."""


@contextmanager
def explain_faults(engine: Engine) -> Iterator[None]:
    """Turn errors of the database into ours.

    Raises:
        LedgerUnavailable: It cannot be used now.
        LedgerError: It is damaged, or may not be written.
        DBAPIError: A statement was wrong.
    """
    try:
        yield
    except PoolTimeout as error:
        raise LedgerUnavailable("all connections to the ledger are in use") from error
    except DBAPIError as error:
        kind = classify(error)
        if kind is None:
            raise
        shown = format_url(engine.url)
        raise kind(f"the ledger {shown} cannot be used: {describe(error, engine)}") from error


def describe(error: DBAPIError, engine: Engine) -> str:
    """Return what an error says, in one line, and whether the disk of a SQLite file is full.

    On a full disk SQLite says "disk I/O error" or "unable to open database file" as well, where it
    was the index of its log that found no room.
    """
    reason = " ".join(str(error.orig).split())
    code = get_primary_code(error.orig)
    if code in _SQLITE_NO_ROOM and _is_disk_full(Path(str(engine.url.database)).parent):
        return f"{reason}: its disk is full"
    return reason


def _is_disk_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False


def classify(error: DBAPIError) -> type[LedgerUnavailable | LedgerError] | None:
    """Return what an error says about the database; None if it is about the statement."""
    if error.connection_invalidated:
        return LedgerUnavailable
    sqlite_code = get_primary_code(error.orig)
    if sqlite_code is not None:
        return _classify_sqlite(sqlite_code)
    return _classify_postgres(error)


def _classify_sqlite(code: int) -> type[LedgerUnavailable | LedgerError] | None:
    if code in _SQLITE_PASSING:
        return LedgerUnavailable
    return LedgerError if code in _SQLITE_LASTING else None


def _classify_postgres(error: DBAPIError) -> type[LedgerUnavailable | LedgerError] | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # there was no answer of the server
        return LedgerUnavailable if isinstance(error, OperationalError) else None
    if state in _POSTGRES_PASSING or state[:2] in _POSTGRES_PASSING_CLASSES:
        return LedgerUnavailable
    return LedgerError if state[:2] in _POSTGRES_LASTING_CLASSES else None
