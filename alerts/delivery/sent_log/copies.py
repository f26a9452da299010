"""Copies of the sent log, for backups: from a folder of this machine or a store, and back.

The keys are copied as they are kept, hidden by the key of the ledger. What comes back is added to
what is there: a log that has outlived its ledger knows more than the copy.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from alerts.delivery.sent_log.local import (
    ADD_KEY,
    BUSY_TIMEOUT,
    FILE_NAME,
    KEYED_VERSION,
    SCHEMA,
    SentLogError,
    split_keys,
)
from alerts.delivery.sent_log.shared import SUFFIX
from crawler.storage import Folder

#: Keys that are added in one transaction: a quarter of a second, in which deliveries wait.
_BATCH = 100_000


def copy_sent_log(folder: Folder, target: Path) -> int:
    """Copy the sent log into a file; return the number of keys. Others may write meanwhile.

    Args:
        folder: Where the log is kept; it may be missing.
        target: The file, which is not there yet.

    Raises:
        SentLogError: The log cannot be read, or the file not written.
    """
    try:
        with closing(sqlite3.connect(target)) as copy:
            path = folder.path
            if path is None:
                _create(copy)
                _add(copy, _read_shared_keys(folder))
            elif (path / FILE_NAME).is_file():
                with closing(sqlite3.connect(path / FILE_NAME, timeout=BUSY_TIMEOUT)) as log:
                    log.execute("BEGIN")
                    log.execute("SELECT count(*) FROM sqlite_master").fetchone()
                    log.backup(copy)
            else:
                _create(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            [count] = copy.execute("SELECT count(*) FROM sent").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise SentLogError(f"the sent log {folder} cannot be copied: {error}") from error
    return int(count)


def count_sent_keys(copy: Path) -> int:
    """Return the number of keys in a copy, after looking at all of its pages.

    Raises:
        SentLogError: It is damaged.
    """
    try:
        with closing(sqlite3.connect(copy)) as file:
            [found] = file.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise SentLogError(f"{copy} is damaged: {found}")
            [count] = file.execute("SELECT count(*) FROM sent").fetchone()
    except sqlite3.Error as error:
        raise SentLogError(f"{copy} is damaged: {error}") from error
    return int(count)


def merge_sent_log(copy: Path, folder: Folder) -> None:
    """Add the keys of a copy to the sent log in a folder; make it if it is missing.

    Raises:
        SentLogError: The copy cannot be read, or the log not written.
    """
    try:
        with closing(sqlite3.connect(copy)) as file:
            if folder.path is None:
                _write_shared_keys(folder, file)
                return
            folder.create()
            target = folder.path / FILE_NAME
            with closing(sqlite3.connect(target, timeout=BUSY_TIMEOUT)) as log:
                _create(log)
                _add(log, file.execute("SELECT key, day FROM sent"))
    except (sqlite3.Error, OSError) as error:
        raise SentLogError(f"the sent log {folder} cannot be restored: {error}") from error


def _create(log: sqlite3.Connection) -> None:
    """Make the table of a log if it is missing, with the mark of keys that are hidden."""
    log.execute("PRAGMA secure_delete = ON")
    is_new = not log.execute("SELECT 1 FROM sqlite_master WHERE name = 'sent'").fetchone()
    if is_new:
        with log:
            log.execute(SCHEMA)
            log.execute(f"PRAGMA user_version = {KEYED_VERSION}")


def _add(log: sqlite3.Connection, keys: Iterator[tuple[bytes, int]] | sqlite3.Cursor) -> None:
    batch: list[tuple[bytes, int]] = []
    for key in keys:
        batch.append(key)
        if len(batch) == _BATCH:
            with log:
                log.executemany(ADD_KEY, batch)
            batch.clear()
    with log:
        log.executemany(ADD_KEY, batch)


def _read_shared_keys(folder: Folder) -> Iterator[tuple[bytes, int]]:
    """Yield the keys in the files of all processes, each with the day in its file's name."""
    for file in list(folder.list_files()):
        if file.name.endswith(SUFFIX):
            day = date.fromisoformat(file.name[:10]).toordinal()
            yield from ((key, day) for key in split_keys(folder.read(file.name) or b""))


def _write_shared_keys(folder: Folder, copy: sqlite3.Connection) -> None:
    """Write the keys of each day in a file of its own, as another process of the service would."""
    days = [day for (day,) in copy.execute("SELECT DISTINCT day FROM sent").fetchall()]
    for day in days:
        rows = copy.execute("SELECT key FROM sent WHERE day = ?", (day,))
        name = f"{date.fromordinal(day).isoformat()}.{uuid.uuid4()}{SUFFIX}"
        folder.write(name, b"".join(key for (key,) in rows))
