"""The sent log of a service of several machines, in an object store.

Each process appends what it sent in files of its own, and works with a copy of all files in a
database of its own. A copy that is a minute old is good enough: the log is for a ledger that was
restored from a backup, and the service stands still while that is done.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from alerts.delivery.sent_log.local import KEPT_DAYS, SentLog, SentLogError, split_keys
from crawler.event_log import get_logger
from crawler.storage import Folder

log = get_logger("watchword.deliver")

#: Seconds after which added keys are written, all in one file: a store takes some 20 ms for a file,
#: and at the start every file is read. A process that is killed loses the keys of so many seconds,
#: which only matters if the ledger is restored from a backup before then.
_WRITE_SECONDS = 30.0
#: Seconds between two looks at what others have written.
_FETCH_SECONDS = 60.0
#: Files of a day that are merged into one on a later day.
_MIN_MERGED = 20
SUFFIX = ".sent-keys"


class SharedSentLog(SentLog):
    """The keys of what was sent in the last eight days, by any process of the service."""

    def __init__(self, files: Folder, secret: bytes = b"") -> None:
        """Read nothing yet.

        Args:
            files: Where all processes keep their files.
            secret: As of :class:`SentLog`.
        """
        super().__init__(None, secret)
        self._files = files
        self._added: dict[int, list[bytes]] = {}  #: what is not written yet, by day
        self._known: set[str] = set()  #: names of files that are in the copy
        self._fetched_at: float | None = None
        self._tidied_on: int | None = None
        self._timer: threading.Timer | None = None
        self._files_lock = threading.RLock()
        atexit.register(self._write_or_log)

    def contains(self, keys: bytes, now: datetime) -> bool:
        """Return whether all of some keys are in the log, as :meth:`SentLog.contains`."""
        if keys:
            self._fetch()
        return super().contains(keys, now)

    def find(self, keys: Collection[bytes], now: datetime) -> set[bytes]:
        """Return which of some keys are in the log, as :meth:`SentLog.find`."""
        if keys:
            self._fetch()
        return super().find(keys, now)

    def add(self, keys: bytes, now: datetime) -> None:
        """Add what was sent. It is written for others within half a minute."""
        if not keys:
            return
        self._fetch()
        super().add(keys, now)
        day = now.toordinal()
        with self._files_lock:
            self._added.setdefault(day, []).extend(map(self.hide, split_keys(keys)))
            if self._timer is None:
                self._timer = threading.Timer(_WRITE_SECONDS, self._write_or_log)
                self._timer.daemon = True
                self._timer.start()
        if self._tidied_on != day:
            self._tidied_on = day
            with self._explaining_faults():
                self._tidy(day)

    def remove(self, keys: bytes) -> None:
        """Remove what was sent to somebody, from every file.

        Raises:
            SentLogError: A file cannot be read or written.
        """
        gone = {self.hide(key) for key in split_keys(keys)}
        with self._explaining_faults(), self._files_lock:
            self._write()
            for _, name in self._list_files():
                content = self._files.read(name) or b""
                kept = b"".join(key for key in split_keys(content) if key not in gone)
                if len(kept) != len(content):
                    self._files.write(name, kept)
        super().remove(keys)

    def verify(self) -> None:
        """Check nothing: every command makes a log, and few use it."""

    def flush(self) -> None:
        """Write what is not written yet; a failure is logged, and it is tried again later."""
        self._write_or_log()

    def close(self) -> None:
        """Write what is not written yet, and delete the copy."""
        self.flush()
        super().close()
        with self._files_lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._folder, self._fetched_at = None, None
            self._known.clear()

    def _fetch(self) -> None:
        """Copy what others have written since the last look.

        Raises:
            SentLogError: Nothing could be read yet. Later the copy is used as it is.
        """
        with self._files_lock:
            is_first = self._fetched_at is None
            if (
                self._fetched_at is not None
                and time.monotonic() - self._fetched_at < _FETCH_SECONDS
            ):
                return
            try:
                with self._explaining_faults():
                    self._copy_files()
            except SentLogError as error:
                if is_first:
                    raise
                log.warning(
                    "what other processes sent in the last minutes is not known", reason=error
                )
            self._fetched_at = time.monotonic()

    def _copy_files(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="watchword-sent-"))
        for day, name in self._list_files():
            if name not in self._known:
                self.add_hidden(split_keys(self._files.read(name) or b""), day)
                self._known.add(name)

    def _list_files(self) -> list[tuple[int, str]]:
        """Return the files, each with the day in its name, the oldest first."""
        names = [file.name for file in self._files.list_files() if file.name.endswith(SUFFIX)]
        return [(date.fromisoformat(name[:10]).toordinal(), name) for name in names]

    def _write_or_log(self) -> None:
        try:
            with self._explaining_faults(), self._files_lock:
                self._write()
        except SentLogError as error:
            log.error(
                "the sent log is not written; it is tried again with the next message", reason=error
            )

    def _write(self) -> None:
        """Write what was added, in a new file for each day."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for day in list(self._added):
            name = _name_file(day)
            self._files.write(name, b"".join(self._added[day]))
            self._known.add(name)
            del self._added[day]

    def _tidy(self, today: int) -> None:
        """Delete the files of days that do not count any more, and merge those of earlier days.

        The newest days on which something was sent are kept, as in :class:`SentLog`. Two processes
        may do so at once: a key that is in two files is known once.
        """
        by_day: dict[int, list[str]] = {}
        for day, name in self._list_files():
            by_day.setdefault(day, []).append(name)
        newest = sorted(by_day, reverse=True)[: KEPT_DAYS + 1]
        for day, names in by_day.items():
            if day not in newest and day < today - KEPT_DAYS:
                merged = None
            elif day < today and len(names) >= _MIN_MERGED:
                merged = _name_file(day)
                contents = (self._files.read(name) or b"" for name in names)
                self._files.write(merged, b"".join(contents))
                self._known.add(merged)
            else:
                continue
            for name in names:
                self._files.delete(name)

    @contextmanager
    def _explaining_faults(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise SentLogError(f"the sent log {self._files} cannot be used: {error}") from error


def _name_file(day: int) -> str:
    return f"{date.fromordinal(day).isoformat()}.{uuid.uuid4()}{SUFFIX}"


def open_sent_log(folder: Folder, secret: bytes) -> SentLog:
    """Return the sent log in a folder of this machine or of an object store.

    Args:
        folder: Where it is kept.
        secret: As of :class:`SentLog`.
    """
    path = folder.path
    return SharedSentLog(folder, secret) if path is None else SentLog(path, secret)
