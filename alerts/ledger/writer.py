"""The writer: the one process that works on a ledger, and how no earlier one can interfere.

The writer holds a lock: on SQLite that of a file, on PostgreSQL a lease (see
:mod:`alerts.ledger.writer_lease`). A lock can be lost without notice: somebody may delete the file,
and a process that stood still does not know that its lease has passed on. So the lock only says who
may begin. Taking it makes the epoch in the ledger one higher, and every transaction of a writer
checks, before it writes anything, that its epoch is still the newest. It cannot change in between:
on SQLite transactions that write come one after another, on PostgreSQL whoever takes the lease
waits for those of its holder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, select, update

from alerts.ledger.engine import Ledger
from alerts.ledger.faults import LedgerUnavailable
from alerts.ledger.processes import describe_process
from alerts.ledger.service_schema import writer
from alerts.ledger.writer_lease import BEAT_SECONDS, SERVER_TIME, LeaseKeeper, is_held


class _Lock(Protocol):
    def find_loss(self) -> str | None:
        """Return why the lock is no longer held; None if it is."""


@dataclass(frozen=True)
class Writer:
    """The right to work on a ledger."""

    ledger: Ledger  #: that checks in each transaction that this is still the writer
    _lock: _Lock

    def find_loss(self) -> str | None:
        """Return why this is no longer the writer; None if it is, as far as is known."""
        return self._lock.find_loss()


@contextmanager
def become(ledger: Ledger, *, beat_seconds: float = BEAT_SECONDS) -> Iterator[Writer | None]:
    """Become the writer while the block runs; yield None if another process is.

    Args:
        ledger: To work on.
        beat_seconds: How often a lease is renewed.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
    """
    with _lock_file(ledger) if ledger.is_sqlite else _take_lease(ledger, beat_seconds) as mine:
        yield mine


@contextmanager
def _take_lease(ledger: Ledger, beat_seconds: float) -> Iterator[Writer | None]:
    with ledger.reading() as connection:
        if is_held(connection):  # asked first, because to ask for sure waits for its holder
            yield None
            return
    with ledger.writing_shard() as connection:
        epoch = None if is_held(connection, for_update=True) else _begin_epoch(connection)
    if epoch is None:
        yield None
        return
    try:
        with LeaseKeeper(ledger, epoch).running(beat_seconds) as keeper:
            yield Writer(ledger.as_writer(epoch), keeper)
    finally:
        _end_epoch(ledger, epoch)


def read_epoch(connection: Connection) -> int:
    """Return the number of the newest epoch."""
    return int(connection.execute(select(writer.c.epoch)).scalar_one())


def _begin_epoch(connection: Connection) -> int:
    """Begin an epoch; return its number."""
    epoch = read_epoch(connection) + 1
    values = {"epoch": epoch, "process": describe_process()}
    connection.execute(update(writer).values(values))
    if connection.dialect.name == "postgresql":
        connection.execute(update(writer).values(beat=SERVER_TIME))
    return epoch


def _end_epoch(ledger: Ledger, epoch: int) -> None:
    """Note that a writer has ended, so that the next one need not wait for what it did."""
    try:
        with ledger.as_bystander().writing_shard() as connection:
            connection.execute(update(writer).where(writer.c.epoch == epoch).values(process=None))
    except LedgerUnavailable:
        pass  # the next writer finds the process instead


@dataclass(frozen=True)
class _FileLock:
    """A lock on a file beside the ledger, which the kernel ends with the process."""

    path: Path
    identity: tuple[int, int]
    ledger: Ledger
    epoch: int

    def find_loss(self) -> str | None:
        try:
            is_same = _identify(self.path) == self.identity
        except FileNotFoundError:
            is_same = False
        if not is_same:
            return f"the file {self.path} was removed or replaced"
        try:
            with self.ledger.reading() as connection:
                newest = connection.execute(select(writer.c.epoch)).scalar()
        except LedgerUnavailable:
            return None  # whoever holds the lock waits for the database
        return None if newest == self.epoch else "another process works on it"


def _identify(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def _lock_file(ledger: Ledger) -> Iterator[Writer | None]:
    path = Path(f"{ledger.engine.url.database}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield None
        return
    try:
        with ledger.writing() as connection:
            epoch = _begin_epoch(connection)
        held = _FileLock(path, _identify(path), ledger, epoch)
        try:
            yield Writer(ledger.as_writer(epoch), held)
        finally:
            _end_epoch(ledger, epoch)
    finally:
        lock.release()
