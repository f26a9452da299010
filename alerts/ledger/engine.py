"""Opening the ledger: the engine, and transactions."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Executable, create_engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import schema_version
from alerts.ledger.faults import LedgerUnavailable, WriterLost, describe, explain_faults
from alerts.ledger.postgres import (
    BEGIN_READING,
    BEGIN_WRITING,
    BEGIN_WRITING_SHARD,
    build_connect_arguments,
    create_postgres_engine,
)
from alerts.ledger.replacement import check_not_interrupted
from alerts.ledger.sqlite_connection import SqliteConnection, get_primary_code, use_wal
from alerts.ledger.urls import LedgerError, format_url, parse_url

#: What checks in a transaction that its process may still write.
Fence: TypeAlias = Callable[[Connection], None]
#: What wakes the workers of the tasks with these names when the transaction is committed.
Announcer: TypeAlias = Callable[[Connection, Sequence[str]], None]

#: The option of a connection that holds the names of the tasks which its transaction announced.
_ANNOUNCED = "watchword_announced"
_BUSY_MILLISECONDS = 30_000
#: Seconds that a transaction waits for one of a limited number of connections: as long as somebody
#: waits for a page.
_POOL_SECONDS = 5.0


class StatementTimeout(WatchwordError):
    """A statement took longer than the caller allowed."""

    exit_status = ExitStatus.RETRY


class _ChangeRefused(WatchwordError):
    """A statement would have changed something where that is only asked."""

    exit_status = ExitStatus.RETRY


@dataclass(frozen=True)
class Ledger:
    """An open ledger, at the newest schema."""

    engine: Engine
    #: The epoch of the writer that uses it; None for a process that is not the writer.
    epoch: int | None = None
    #: Called first in each transaction that writes. It raises `WriterLost` where this process may
    #: not write any more, and keeps that so until the transaction ends.
    fence: Fence | None = None
    #: The engine of transactions that only read; None if they use the same as those that write.
    reader: Engine | None = None
    #: What the process does, as PostgreSQL shows it: ``run``.
    role: str = ""
    #: Called last in each transaction that has announced work; None where nobody is to be woken.
    announcer: Announcer | None = None

    def as_writer(self, epoch: int) -> Ledger:
        """Return the same ledger for the writer of an epoch."""
        return replace(self, epoch=epoch, fence=partial(_check_epoch, epoch))

    def as_bystander(self) -> Ledger:
        """Return the same ledger for what may be written without being the writer."""
        return replace(self, epoch=None, fence=None)

    def fenced_by(self, fence: Fence) -> Ledger:
        """Return the same ledger for a task that may write only while ``fence`` lets it."""
        return replace(self, fence=fence)

    def announcing_by(self, announcer: Announcer) -> Ledger:
        """Return the same ledger, whose transactions wake workers by ``announcer``."""
        return replace(self, announcer=announcer)

    @staticmethod
    def announce(connection: Connection, task: str) -> None:
        """Say that this transaction makes work for a task, so that its workers are woken.

        They are woken if the transaction is committed, and not before. In a transaction that only
        reads, and where the work is done in turn by one process, this does nothing.

        Args:
            connection: In a transaction of :meth:`writing` or :meth:`writing_shard`.
            task: The task's name: ``match``, ``compose``, ``deliver``, ``publish`` or ``words``.
        """
        announced = connection.get_execution_options().get(_ANNOUNCED)
        if announced is not None:
            announced.add(task)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that may write anything. An exception rolls it back.

        There is one at a time, on SQLite and on PostgreSQL. It is for what people, commands and
        crawls do. Changes get their numbers before they are committed; with two such transactions,
        a reader of the changes up to a number could miss one below it.

        Raises:
            LedgerUnavailable: The database cannot be used now.
            WriterLost: This process may not write any more.
            LedgerError: The database is damaged, or may not be written.
        """
        with self._writing(BEGIN_WRITING) as connection:
            yield connection

    @contextmanager
    def writing_shard(self) -> Iterator[Connection]:
        """Open a transaction of a task that writes only rows which it has locked or claimed.

        On PostgreSQL there may be any number at a time, beside one of :meth:`writing`. Whoever
        uses it locks rows before reading what it decides by (``FOR UPDATE SKIP LOCKED``), or adds
        to what is there in one statement. On SQLite it is the same as :meth:`writing`.

        Raises:
            LedgerUnavailable: The database cannot be used now.
            WriterLost: This process may not write any more.
            LedgerError: The database is damaged, or may not be written.
        """
        with self._writing(BEGIN_WRITING_SHARD) as connection:
            yield connection

    @contextmanager
    def _writing(self, begin: str) -> Iterator[Connection]:
        engine = self.engine.execution_options(begin=begin)
        with explain_faults(engine), engine.begin() as connection:
            if self.fence is not None:
                self.fence(connection)
            announced: set[str] = set()
            connection.execution_options(**{_ANNOUNCED: announced})
            yield connection
            # Last, and in order: transactions that announce the same wait for each other only here.
            if self.announcer is not None and announced:
                self.announcer(connection, sorted(announced))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads. On SQLite it does not wait for a writer.

        Raises:
            LedgerUnavailable: The database cannot be used now.
            LedgerError: The database is damaged.
        """
        with self._reading(BEGIN_READING) as connection:
            yield connection

    @contextmanager
    def _reading(self, begin: str) -> Iterator[Connection]:
        engine = (self.reader or self.engine).execution_options(reading=True, begin=begin)
        with explain_faults(engine), engine.begin() as connection:
            yield connection

    def would_write(self, work: Callable[[Connection], object]) -> bool:
        """Return whether ``work`` would change anything; let it change nothing.

        It is run in a transaction that only reads, up to its first INSERT, UPDATE or DELETE. So an
        idle round can ask without waiting for a writer, and whoever writes reads again what it
        decides by.

        Args:
            work: What would be run in a transaction that writes. It must have no other effect.

        Raises:
            LedgerUnavailable: The database cannot be used now.
            LedgerError: The database is damaged.
        """
        with self.reading() as connection:
            event.listen(connection, "before_execute", _refuse_change)
            try:
                work(connection)
            except _ChangeRefused:
                return True
        return False

    @contextmanager
    def reading_with_timeout(self, seconds: float) -> Iterator[Connection]:
        """Open a transaction that only reads and whose statements end after ``seconds``.

        Raises:
            StatementTimeout: A statement took longer.
        """
        begin = f"{BEGIN_READING}; SET LOCAL statement_timeout = {round(seconds * 1000)}"
        with self._reading(begin) as connection, _limit_statement_time(connection, seconds):
            yield connection

    def open_beside(self, *, readers: int, writers: int) -> Ledger:
        """Return the same ledger with connections of its own, so that neither waits for the other.

        Connections for reading refuse to write. What a transaction waits for at most when all
        connections are in use is `_POOL_SECONDS`; then it raises `LedgerUnavailable`.

        Args:
            readers: How many transactions that only read may be open at once.
            writers: The same for those that write.
        """
        url = self.engine.url.render_as_string(hide_password=False)
        if self.is_read_only:
            return replace(self, engine=_engine(url, readers, role=self.role))
        reader = _engine(url, readers, role=self.role)
        if self.is_sqlite:
            event.listen(reader, "connect", _refuse_writes)
        return replace(self, engine=_engine(url, writers, role=self.role), reader=reader)

    @classmethod
    def open_for_reading(cls, url: str, *, role: str = "") -> Ledger:
        """Open a ledger that another process of ours has opened already, for reading by one thread.

        The file is not checked again, and nothing is migrated.

        Args:
            url: As of :func:`open_ledger`.
            role: The same.
        """
        engine = _engine(url, 1, role=role)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _refuse_writes)
        return cls(engine, role=role)

    def build_connect_arguments(self) -> dict[str, Any]:
        """Return what psycopg is to connect with, for connections beside those of the ledger."""
        return build_connect_arguments(self.engine.url, self.role)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self.reader is not None:
            self.reader.dispose()

    @property
    def is_read_only(self) -> bool:
        """Whether the ledger is a file that may only be read."""
        return self.is_sqlite and _is_read_only(Path(str(self.engine.url.database)))

    @property
    def is_sqlite(self) -> bool:
        """Whether the ledger is a SQLite file; otherwise it is in PostgreSQL."""
        return self.engine.dialect.name == "sqlite"


_EPOCH = "SELECT epoch FROM writer"
#: Whoever begins an epoch locks the row FOR UPDATE, which waits for this lock. Who only renews the
#: lease in it does not.
_SHARED_EPOCH = f"{_EPOCH} FOR KEY SHARE"


def _check_epoch(epoch: int, connection: Connection) -> None:
    """Raise :class:`WriterLost` if a later writer has begun; let none begin before the end."""
    # In a statement of its own: on PostgreSQL, one sees what was committed before it began.
    wanted = _EPOCH if connection.dialect.name == "sqlite" else _SHARED_EPOCH
    newest = connection.exec_driver_sql(wanted).scalar()
    if newest != epoch:
        raise WriterLost(
            "another watchword has begun to work on this ledger, so this one wrote nothing more"
        )


@contextmanager
def _limit_statement_time(connection: Connection, seconds: float) -> Iterator[None]:
    """Say when a statement was ended. On PostgreSQL, the server ends it."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        end = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > end, _PROGRESS_STEPS)
    try:
        yield
    except DBAPIError as error:
        if _is_timeout(error):
            raise StatementTimeout(f"the database was given {seconds:g} seconds") from error
        raise
    finally:
        if connection.dialect.name == "sqlite":
            driver.set_progress_handler(None, 0)


def _is_timeout(error: DBAPIError) -> bool:
    """Return whether a statement was ended: SQLITE_INTERRUPT, or SQLSTATE 57014 of PostgreSQL."""
    is_interrupted = get_primary_code(error.orig) == sqlite3.SQLITE_INTERRUPT
    return is_interrupted or getattr(error.orig, "sqlstate", "") == "57014"


#: Instructions of SQLite's virtual machine between two looks at the clock: a few milliseconds.
_PROGRESS_STEPS = 20_000


_FINISH_COPY = "run `watchword migrate-to` again, or delete it"


def open_ledger(
    url: str,
    on_upgrade: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    accepts_copy: bool = False,
    role: str = "",
) -> Ledger:
    """Open the ledger, create it if it does not exist, and migrate it to the newest schema.

    Args:
        url: An SQLAlchemy URL: ``sqlite:///var/ledger.sqlite3`` or ``postgresql://...``.
        on_upgrade: Called after each migration of an older ledger with the number of those that
            are done, and of all.
        accepts_copy: Open it also while another ledger is being copied into it.
        role: What the process does, as PostgreSQL shows it among its sessions: ``run``.

    Raises:
        LedgerUnavailable: The database cannot be used now.
        LedgerError: The URL is wrong, the database is damaged, a newer version of this program has
            written it, or it is an unfinished copy.
    """
    engine = _engine(url, role=role)
    shown = format_url(engine.url)
    try:
        ledger = Ledger(engine, role=role)
        if ledger.is_sqlite:
            _check_file(ledger)
        with ledger.reading() as connection:
            if not accepts_copy and schema_version.is_unfinished_copy(connection):
                raise LedgerError(f"{shown} is an unfinished copy of a ledger: {_FINISH_COPY}")
            is_newest = schema_version.find(connection) == schema_version.get_newest()
        if not is_newest:
            _migrate(ledger, on_upgrade)
    except DBAPIError as error:
        engine.dispose()
        raise LedgerError(
            f"the ledger {shown} cannot be used: {describe(error, engine)}"
        ) from error
    except (LedgerError, LedgerUnavailable):
        engine.dispose()
        raise
    return ledger


def find_ledger(url: str, *, role: str = "") -> Ledger | None:
    """Open the ledger as :func:`open_ledger` does; return None, and create nothing, without one.

    Raises:
        LedgerError: As :func:`open_ledger` raises it.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(str(parsed.database))
        check_not_interrupted(path)
        return open_ledger(url) if path.is_file() and path.stat().st_size else None
    engine = _engine(url, role=role)
    try:
        with engine.connect() as connection:
            is_there = inspect(connection).has_table("alembic_version")
    except DBAPIError:
        is_there = True  # it cannot be reached: the message is that of opening it
    finally:
        engine.dispose()
    return open_ledger(url, role=role) if is_there else None


def _engine(url: str, connections: int | None = None, *, role: str = "") -> Engine:
    """Return an engine, with at most so many ``connections``; None for SQLAlchemy's 15."""
    parsed = parse_url(url)
    more: dict[str, Any] = {}
    if connections is not None:
        more = {"poolclass": QueuePool, "pool_size": connections, "max_overflow": 0}
        more["pool_timeout"] = _POOL_SECONDS
    if parsed.get_backend_name() != "sqlite":
        return create_postgres_engine(parsed, role, **more)
    path = Path(str(parsed.database))
    check_not_interrupted(path)
    _check_is_ours(path)
    if _is_read_only(path):
        engine = create_engine("sqlite://", creator=partial(_connect_read_only, path), **more)
        engine.url = parsed
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"factory": SqliteConnection}, **more)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    # By itself the driver begins a transaction at the first write, so that a read followed by an
    # update loses updates without an error (703 of 800 in a trial). `_on_begin` begins it instead.
    connection.isolation_level = None
    use_wal(connection, _BUSY_MILLISECONDS / 1000)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # overwrite deleted personal data
        f"busy_timeout={_BUSY_MILLISECONDS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _refuse_writes(connection: Any, _record: Any) -> None:
    """Let a connection only read. It is not opened read-only: SQLite's log has to be made."""
    connection.execute("PRAGMA query_only=ON")


def _refuse_change(_connection: Connection, statement: Executable, *_more: object) -> None:
    if statement.is_dml:
        raise _ChangeRefused


def _on_begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _check_file(ledger: Ledger) -> None:
    """Raise :class:`LedgerError` for a damaged file, before anything is written to it."""
    with ledger.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise LedgerError(
            f"the ledger {ledger.engine.url.database} is damaged ({found}): "
            "restore it from a backup, or move it away to start with a new one"
        )


def _is_read_only(path: Path) -> bool:
    """Return whether a SQLite file is there and may only be read, as on a read-only disk."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a SQLite file for reading alone.

    SQLite wants to write even to read a file in WAL mode, unless it is told that nobody changes it.
    That is so where no changes wait beside it.
    """
    changes = path.with_name(f"{path.name}-wal")
    is_still = not changes.is_file() or not changes.stat().st_size
    uri = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if is_still else ''}"
    return sqlite3.connect(uri, uri=True, check_same_thread=False, factory=SqliteConnection)


def _check_is_ours(path: Path) -> None:
    """Raise :class:`LedgerError` for a SQLite file that another program made; write nothing to it.

    A file that cannot be read as SQLite is left to the first connection, which says why.
    """
    try:
        uri = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            tables = {name for (name,) in found}
    except sqlite3.Error:
        return
    if tables and "alembic_version" not in tables:
        raise LedgerError(
            f"{path} is the database of another program (it has a table {min(tables)}): "
            "nothing was written; name another file in ledger.url"
        )


def _migrate(ledger: Ledger, on_upgrade: Callable[[int, int], None]) -> None:
    """Migrate to the newest schema."""
    # Needed once per new schema; Alembic would make every command start 0.1 s later.
    from alerts.ledger import upgrade  # noqa: PLC0415

    shown = format_url(ledger.engine.url)
    try:
        upgrade.upgrade(ledger.engine, on_upgrade)
    except upgrade.NewerSchema as error:
        raise LedgerError(
            f"the ledger {shown} was written by a newer watchword or another program "
            f"(schema {error}): upgrade this one, or name another in ledger.url"
        ) from error
    except upgrade.BrokenReferences as error:
        raise LedgerError(f"the ledger {shown} cannot be migrated: {error}") from error
