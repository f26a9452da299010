"""What was sent in the last days, kept beside the ledger.

A ledger that is restored from a backup does not know what was sent since. The sent log does: what
it contains is neither composed nor sent again, whatever the ledger says. It holds eight bytes for
each change that was sent to each subscription, and eight for each that was sent to each subscriber,
written once the mail server has accepted the message. They name nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path

from alerts.errors import WatchwordError
from alerts.ledger.sqlite_connection import SqliteConnection, use_wal

#: Eight days: a backup of last week can be restored, with a day to spare. At 500,000 changes sent
#: a day it is 8 million rows of 19 bytes = 152 MB.
KEPT_DAYS = 8
#: 64 bits: with 8 million keys in the log, the chance that a new one is taken for one of them is
#: 8e6 / 2^64 = 4e-13.
SENT_KEY_BYTES = 8
#: Seconds to wait for another process. Transactions take milliseconds, so this long means trouble.
#: It is waited once: until the log can be written again, nobody waits any more.
BUSY_TIMEOUT = 5.0
#: Keys that are kept in memory while they cannot be written: 25 MB.
_MAX_UNWRITTEN = 200_000

FILE_NAME = "sent.sqlite3"
#: SQLite's ``user_version`` of a log whose keys are keyed hashes.
KEYED_VERSION = 1
#: ``day`` is the proleptic Gregorian ordinal of the day in UTC on which the change was sent.
SCHEMA = """
CREATE TABLE IF NOT EXISTS sent (key BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID
"""
#: Removes what is too old, but always keeps the newest days on which something was sent: a clock
#: that is ahead for a while makes everything look old.
_PRUNE = """
DELETE FROM sent WHERE day < ? AND day < (
    SELECT min(day) FROM (SELECT DISTINCT day FROM sent ORDER BY day DESC LIMIT ?)
)
"""
_FIND = "SELECT 1 FROM sent WHERE key = ? AND day >= ?"
ADD_KEY = """
INSERT INTO sent (key, day) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET day = max(day, excluded.day)
"""
_REMOVE = "DELETE FROM sent WHERE key = ?"


class SentLogError(WatchwordError):
    """The sent log cannot be read or written; the message names its file."""


def compute_sent_key(
    email: str, topic: str | None, question_id: str, kind: str, digest: str
) -> bytes:
    """Return the key of one change that is sent to somebody, :data:`SENT_KEY_BYTES` long.

    It is made of what a restored ledger has too, so not of row ids.

    Args:
        email: The subscriber's address.
        topic: The key of the topic for which it is sent; None for the change alone, for whichever
            topic it is sent.
        question_id: ``london:/questions/2018/5425``
        kind: The kind of the change: ``answered``.
        digest: The hash of the question's content after the change.
    """
    parts = (email, question_id, kind, digest)
    text = "\n".join(parts if topic is None else (email, topic, *parts[1:]))
    return hashlib.sha256(text.encode()).digest()[:SENT_KEY_BYTES]


def hide_sent_key(key: bytes, secret: bytes) -> bytes:
    """Return the keyed hash of a key of :func:`compute_sent_key`, of the same length."""
    return hmac.digest(secret, key, hashlib.sha256)[:SENT_KEY_BYTES]


class SentLog:
    """The keys of what was sent in the last eight days. May be used by several threads."""

    def __init__(self, folder: Path | None = None, secret: bytes = b"") -> None:
        """Open nothing yet.

        Args:
            folder: Where the log is kept; it is made when something is added. None keeps no log.
            secret: The ledger's key of hashes, so that nobody without the ledger can find out from
                the log whether somebody was sent something.
        """
        self._secret = secret
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._pruned_on: int | None = None
        self._lock = threading.Lock()
        #: What was added and is not in the file yet, with its day; guarded by `_lock`.
        self._unwritten: list[tuple[bytes, int]] = []
        self.problem: str | None = None  #: why what was added last is not written; None if it is

    def contains(self, keys: bytes, now: datetime) -> bool:
        """Return whether all of some keys are in the log and not older than eight days.

        Args:
            keys: Keys of :func:`compute_sent_key`, one after another. For none, return False.
            now: The present time, in UTC.

        Raises:
            SentLogError: The log cannot be read.
        """
        if not keys or self._folder is None or not self._folder.is_dir():
            return False
        oldest = now.toordinal() - KEPT_DAYS
        with self._transaction(self._folder) as connection:
            return all(
                connection.execute(_FIND, (self.hide(key), oldest)).fetchone()
                for key in split_keys(keys)
            )

    def find(self, keys: Collection[bytes], now: datetime) -> set[bytes]:
        """Return which of some keys are in the log and not older than eight days.

        Args:
            keys: Single keys of :func:`compute_sent_key`.
            now: The present time, in UTC.

        Raises:
            SentLogError: The log cannot be read.
        """
        if not keys or self._folder is None or not self._folder.is_dir():
            return set()
        oldest = now.toordinal() - KEPT_DAYS
        with self._transaction(self._folder) as connection:
            return {
                key
                for key in keys
                if connection.execute(_FIND, (self.hide(key), oldest)).fetchone()
            }

    def add(self, keys: bytes, now: datetime) -> None:
        """Add what was sent. What cannot be written now is kept, and written with what comes next.

        Args:
            keys: Keys of :func:`compute_sent_key`, one after another.
            now: When it was sent, in UTC.

        Raises:
            SentLogError: The log cannot be written any more. It is raised once, until it can.
        """
        if self._folder is None or not keys:
            return
        day = now.toordinal()
        with self._lock:
            room = _MAX_UNWRITTEN - len(self._unwritten)
            added = [(self.hide(key), day) for key in split_keys(keys)]
            self._unwritten += added[: max(0, room)]
        was_well = self.problem is None
        try:
            self._write_unwritten(self._folder)
        except SentLogError:
            if was_well:
                raise

    def _write_unwritten(self, folder: Path) -> None:
        """Write what was added; wait for another process unless that was in vain before.

        Raises:
            SentLogError: It cannot be written now.
        """
        try:
            with self._transaction(folder) as connection:
                seconds = BUSY_TIMEOUT if self.problem is None else 0.0
                connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
                self._prune(connection)
                connection.executemany(ADD_KEY, self._unwritten)
                connection.commit()
                self._unwritten.clear()
                self.problem = None
        except SentLogError as error:
            self.problem = str(error)
            raise

    def _prune(self, connection: sqlite3.Connection) -> None:
        newest = max((day for _, day in self._unwritten), default=self._pruned_on)
        if newest is not None and self._pruned_on != newest:
            connection.execute(_PRUNE, (newest - KEPT_DAYS, KEPT_DAYS + 1))
            self._pruned_on = newest

    def remove(self, keys: bytes) -> None:
        """Remove what was sent to somebody whose data is deleted.

        Args:
            keys: Keys of :func:`compute_sent_key`, one after another.

        Raises:
            SentLogError: The log cannot be written.
        """
        if self._folder is None or not keys or not self._folder.is_dir():
            return
        gone = {self.hide(key) for key in split_keys(keys)}
        with self._transaction(self._folder) as connection:
            self._unwritten = [entry for entry in self._unwritten if entry[0] not in gone]
            connection.executemany(_REMOVE, ((key,) for key in gone))
        with self._transaction(self._folder) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def flush(self) -> None:
        """Let other processes know what was added; :attr:`problem` says why it cannot be written.

        It is written already, except in a store, or where another process holds the log.
        """
        if self._folder is not None and self.problem is not None:
            with suppress(SentLogError):
                self._write_unwritten(self._folder)

    def add_hidden(self, hidden: Iterable[bytes], day: int) -> None:
        """Add keys of another log with the same secret, as :meth:`hide` returns them.

        Args:
            hidden: The keys.
            day: The proleptic Gregorian ordinal of the day on which they were sent.

        Raises:
            SentLogError: The log cannot be written.
        """
        if self._folder is not None:
            with self._transaction(self._folder) as connection:
                connection.executemany(ADD_KEY, ((key, day) for key in hidden))

    def hide(self, key: bytes) -> bytes:
        """Return what stands for a key in the file: a keyed hash of it."""
        return hide_sent_key(key, self._secret)

    def verify(self) -> None:
        """Check that the log can be used, before any work depends on it.

        Raises:
            SentLogError: It cannot.
        """
        if self._folder is not None and self._folder.is_dir():
            with self._transaction(self._folder):
                pass

    def close(self) -> None:
        """Close the file; the log opens it again when it is used."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self, folder: Path) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time; commit at the end of the block."""
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = _open_database(folder, self._secret)
                with self._connection as connection:
                    yield connection
        except (sqlite3.Error, OSError) as error:
            raise SentLogError(
                f"the sent log {folder / FILE_NAME} cannot be used: {error}"
            ) from error


def _open_database(folder: Path, secret: bytes) -> sqlite3.Connection:
    """Open the file, and make it when it is missing.

    In WAL mode a reader waits for no writer. With ``synchronous = NORMAL`` what was added outlives
    the process, as a write to a plain file does, without the cost of an fsync for each message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        folder / FILE_NAME,
        timeout=BUSY_TIMEOUT,
        check_same_thread=False,
        factory=SqliteConnection,
    )
    try:
        use_wal(connection, BUSY_TIMEOUT)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # overwrite what is removed
        with connection:
            connection.execute(SCHEMA)
        _hide_plain_keys(connection, secret)
        _import_day_files(connection, folder, secret)
    except BaseException:
        connection.close()
        raise
    return connection


def _import_day_files(connection: sqlite3.Connection, folder: Path, secret: bytes) -> None:
    """Take over the files of earlier versions, ``2026-07-16.sent``: keys, one after another.

    They are removed once they are committed, so a process that is killed in between only imports
    them again. A key that was cut off at the end of a file is ignored.
    """
    files = sorted(folder.glob("*.sent"))
    with connection:
        for file in files:
            day = date.fromisoformat(file.stem).toordinal()
            keys = split_keys(_read_if_present(file))
            connection.executemany(ADD_KEY, ((hide_sent_key(key, secret), day) for key in keys))
    for file in files:
        file.unlink(missing_ok=True)


def _hide_plain_keys(connection: sqlite3.Connection, secret: bytes) -> None:
    """Replace the keys of a log of an earlier version, which were not keyed, once."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version >= KEYED_VERSION:
        return
    connection.create_function("hide", 1, partial(hide_sent_key, secret=secret), deterministic=True)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TEMP TABLE plain AS SELECT key, day FROM sent")
        connection.execute("DELETE FROM sent")
        connection.execute("INSERT OR IGNORE INTO sent SELECT hide(key), day FROM plain")
        connection.execute(f"PRAGMA user_version = {KEYED_VERSION}")
    connection.execute("DROP TABLE plain")


def _read_if_present(file: Path) -> bytes:
    """Return a file's content; nothing when another process has just imported and removed it."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def split_keys(keys: bytes) -> Iterator[bytes]:
    """Yield the single ones of keys that stand one after another; an incomplete one is left out."""
    whole = len(keys) // SENT_KEY_BYTES * SENT_KEY_BYTES
    return (keys[at : at + SENT_KEY_BYTES] for at in range(0, whole, SENT_KEY_BYTES))
