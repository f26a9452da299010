"""The writer: the one process that works on a ledger, and how no earlier one can interfere.

The writer holds a lock. A lock can be lost without notice: PostgreSQL ends it with the connection,
when the server restarts or an administrator ends the session; on SQLite somebody may delete the
lock's file. So the lock only says who may begin. Taking it makes the epoch in the ledger one
higher, and every transaction of a writer checks, before it commits anything, that its epoch is
still the newest. It cannot change in between, because transactions that write come one after
another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, select, update

from alerts.ledger.engine import POSTGRES_DEADLINES, PROCESS_LOCK_KEY, Ledger
from alerts.ledger.faults import LedgerUnavailable
from alerts.ledger.processes import describe_process, has_ended
from alerts.ledger.schema import message, writer

#: The longest wait for the reply to a final dot is ten minutes (RFC 5321, section 4.5.3.2.6). After
#: that, a process that handed a message over has recorded what became of it.
_HANDOVER_PERIOD = timedelta(minutes=15)


_TRY_LOCK = "select pg_try_advisory_lock(%s)"


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
        if reason := self._lock.find_loss():
            return reason
        try:
            with self.ledger.reading() as connection:
                newest = connection.execute(select(writer.c.epoch)).scalar()
        except LedgerUnavailable:
            return None  # whoever holds the lock waits for the database
        return None if newest == self.ledger.epoch else "another process works on it"


@contextmanager
def become(ledger: Ledger, now: datetime) -> Iterator[Writer | None]:
    """Become the writer while the block runs; yield None if another process is.

    What an earlier writer was handing over when it lost the lock may have arrived. Unless its
    process is known to have ended, that is left to it for :data:`_HANDOVER_PERIOD`.

    Raises:
        LedgerUnavailable: The ledger cannot be used now.
    """
    with _lock_file(ledger) if ledger.is_sqlite else _lock_session(ledger) as lock:
        if lock is None:
            yield None
            return
        epoch = _begin_epoch(ledger, now)
        try:
            yield Writer(ledger.as_writer(epoch), lock)
        finally:
            _end_epoch(ledger, epoch)


def _begin_epoch(ledger: Ledger, now: datetime) -> int:
    """Begin an epoch; return its number."""
    with ledger.writing() as connection:
        connection.execute(update(writer).values(epoch=writer.c.epoch + 1))
        row = connection.execute(select(writer.c.epoch, writer.c.process)).one()
        connection.execute(update(writer).values(process=describe_process()))
        if row.process and not has_ended(row.process):
            _leave_handovers(connection, now)
        return int(row.epoch)


def _leave_handovers(connection: Connection, now: datetime) -> None:
    """Leave messages that are being handed over to the process that does it."""
    until = now + _HANDOVER_PERIOD
    connection.execute(
        update(message)
        .where(message.c.phase == "handing_over", message.c.due_at < until)
        .values(due_at=until)
    )


def _end_epoch(ledger: Ledger, epoch: int) -> None:
    """Note that a writer has ended, so that the next one need not wait for what it did."""
    try:
        with ledger.writing() as connection:
            connection.execute(update(writer).where(writer.c.epoch == epoch).values(process=None))
    except LedgerUnavailable:
        pass  # the next writer finds the process instead


@dataclass(frozen=True)
class _FileLock:
    """A lock on a file beside the ledger, which the kernel ends with the process."""

    path: Path
    identity: tuple[int, int]

    def find_loss(self) -> str | None:
        try:
            is_same = _identify(self.path) == self.identity
        except FileNotFoundError:
            is_same = False
        return None if is_same else f"the file {self.path} was removed or replaced"


def _identify(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def _lock_file(ledger: Ledger) -> Iterator[_Lock | None]:
    path = Path(f"{ledger.engine.url.database}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield None
        return
    try:
        yield _FileLock(path, _identify(path))
    finally:
        lock.release()


@dataclass(frozen=True)
class _SessionLock:
    """An advisory lock of PostgreSQL, which ends with its session.

    The session is the driver's: SQLAlchemy would open a new one in the place of one that is lost.
    """

    driver: Any
    error: type[Exception]  #: what the driver raises
    session: int  #: the process id of the server's side

    def find_loss(self) -> str | None:
        try:
            found = self.driver.execute("select pg_backend_pid()").fetchone()[0]
        except self.error as error:
            return " ".join(str(error).split())
        return None if found == self.session else "the session of the lock is another one"

    def release(self) -> None:
        """End the lock if the session is still there."""
        with suppress(self.error):
            self.driver.execute("select pg_advisory_unlock_all()")


@contextmanager
def _lock_session(ledger: Ledger) -> Iterator[_Lock | None]:
    error = _get_error_class(ledger.engine)
    with ExitStack() as stack:
        try:
            driver = _open_session(ledger.engine)
            stack.callback(driver.close)
            lock = _SessionLock(driver, error, driver.info.backend_pid)
            is_free = driver.execute(_TRY_LOCK, (PROCESS_LOCK_KEY,)).fetchone()[0]
        except error as failure:
            reason = " ".join(str(failure).split())
            raise LedgerUnavailable(f"the ledger cannot be used: {reason}") from failure
        # The end of the session ends the lock too, but only when the server has noticed it.
        stack.callback(lock.release)
        yield lock if is_free else None


def _open_session(engine: Engine) -> Any:
    """Open a session of PostgreSQL in which each statement is committed at once."""
    arguments, options = engine.dialect.create_connect_args(engine.url)
    driver: Any = engine.dialect.connect(*arguments, **{**options, **POSTGRES_DEADLINES})
    driver.autocommit = True
    return driver


def _get_error_class(engine: Engine) -> type[Exception]:
    """Return the base class of the errors of the engine's driver."""
    error: type[Exception] = engine.dialect.loaded_dbapi.Error
    return error
