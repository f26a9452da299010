"""Erasing what was deleted from the files of a SQLite ledger.

``secure_delete`` overwrites deleted rows in the database. The write-ahead log beside it still holds
what the pages were before, until it is cut to nothing.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from alerts.ledger.engine import Ledger
from alerts.ledger.faults import LedgerUnavailable
from alerts.ledger.sqlite_connection import get_primary_code

_PAUSE = 0.02


def erase_deleted(ledger: Ledger, seconds: float = 0.0) -> bool:
    """Cut the write-ahead log of a SQLite ledger to nothing.

    No statement waits for it: where a transaction is open, it is tried again. On PostgreSQL
    nothing is done; there the server's autovacuum clears away deleted rows.

    Args:
        ledger: The ledger. The calling thread must have no transaction open.
        seconds: For how long to try again.

    Returns:
        False where a transaction was open all the time, so that the log is still there.

    Raises:
        LedgerUnavailable: The file cannot be used.
    """
    if not ledger.is_sqlite or ledger.is_read_only:
        return True
    path, end = str(ledger.engine.url.database), time.monotonic() + seconds
    if not _has_log(Path(f"{path}-wal")):
        return True  # nothing was written since the last time
    try:
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            while not _truncate(connection):
                if time.monotonic() >= end:
                    return False
                time.sleep(_PAUSE)
    except sqlite3.Error as error:
        raise LedgerUnavailable(
            f"what was deleted cannot be erased from {path}-wal yet: {error}"
        ) from error
    return True


def _has_log(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _truncate(connection: sqlite3.Connection) -> bool:
    """Try once; return False where another transaction is in the way."""
    try:
        is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if get_primary_code(error) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
        return False
    return not is_busy
