"""What an error of the database means: whether it passes by itself, and how it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger.urls import LedgerError

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
#: The lower eight bits of SQLite's extended result codes are the primary code.
_SQLITE_PRIMARY = 0xFF

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
    except DBAPIError as error:
        kind = classify(error)
        if kind is None:
            raise
        shown = engine.url.render_as_string(hide_password=True)
        reason = " ".join(str(error.orig).split())
        raise kind(f"the ledger {shown} cannot be used: {reason}") from error


def classify(error: DBAPIError) -> type[LedgerUnavailable | LedgerError] | None:
    """Return what an error says about the database; None if it is about the statement."""
    if error.connection_invalidated:
        return LedgerUnavailable
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _classify_sqlite(sqlite_code & _SQLITE_PRIMARY)
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
