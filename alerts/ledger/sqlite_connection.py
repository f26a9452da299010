"""Connections to SQLite files."""

from __future__ import annotations

import sqlite3
from contextlib import suppress


class SqliteConnection(sqlite3.Connection):
    """A connection that is closed when nobody refers to it any more.

    It would be in any case, but since version 3.13 Python warns of one that was not closed before.
    SQLAlchemy leaves the connections of a pool to the garbage collection when its engine goes.
    """

    def __del__(self) -> None:
        """Close it; one whose file could not be opened raises ProgrammingError, and has nothing."""
        with suppress(sqlite3.ProgrammingError):
            self.close()
