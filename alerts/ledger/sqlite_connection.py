"""Connections to SQLite files."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress

#: The lower eight bits of SQLite's extended result codes are the primary code.
_PRIMARY_BITS = 0xFF
#: Seconds between two tries to change the mode of a file. The change takes about a millisecond.
_PAUSE = 0.01


class SqliteConnection(sqlite3.Connection):
    """A connection that is closed when nobody refers to it any more.

    It would be in any case, but since version 3.13 Python warns of one that was not closed before.
    SQLAlchemy leaves the connections of a pool to the garbage collection when its engine goes.
    """

    def __del__(self) -> None:
        """Close it; one whose file could not be opened raises ProgrammingError, and has nothing."""
        with suppress(sqlite3.ProgrammingError):
            self.close()


def get_primary_code(error: BaseException | None) -> int | None:
    """Return SQLite's primary result code of an error: ``sqlite3.SQLITE_BUSY``; None of another."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_BITS


def use_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Put a file in WAL mode, in which a reader waits for no writer.

    Where several connections do so with a new file, SQLite lets all but one fail at once, whatever
    their ``busy_timeout``: each holds a lock that the others wait for. So it is tried again.

    Args:
        connection: With no transaction open.
        seconds: For which it is tried while others hold the file.

    Raises:
        sqlite3.OperationalError: It cannot be done, or others held the file all the time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if get_primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return
