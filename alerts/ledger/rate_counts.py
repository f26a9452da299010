"""Counts of what clients did lately, which limits are held against.

They stand beside the ledger: in a file of their own next to a SQLite ledger, in a table of the same
PostgreSQL database. All processes share them, a restart keeps them, and counting waits for no
transaction of the ledger, nor does one of those wait for it. They may be deleted at any time; then
everybody starts from zero.

What is counted falls into slots of a sixtieth of the limit's period. A slot counts until the whole
of it lies further back than the period, so no moving window ever holds more than the limit allows.
A slot that begins in the future, because the clock was wrong when it was written, counts as one
that begins now: it is not forgotten, and it holds nobody up for longer than a period.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    Row,
    StaticPool,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from alerts.ledger.engine import Ledger
from alerts.ledger.faults import explain_faults
from alerts.ledger.postgres import BEGIN_READING, LOCK_KEYS, create_postgres_engine
from alerts.ledger.sqlite_connection import SqliteConnection, get_primary_code, use_wal
from crawler.event_log import get_logger

log = get_logger("watchword.limits")

#: Apart from the ledger's tables: these are not migrated, and hold nothing that must be kept.
_metadata = MetaData()
TABLE_NAME = "rate_count"
_rate_count = Table(
    TABLE_NAME,
    _metadata,
    Column("kind", Text, primary_key=True),  # of the limit: "sign-ups"
    Column("scope", Text, primary_key=True),  # what the key is: "network"
    Column("key", Text, primary_key=True),  # "203.0.113.0/24"
    Column("slot", BigInteger, primary_key=True, autoincrement=False),  # its start, Unix time
    Column("expires", BigInteger, nullable=False),  # when it counts no more, Unix time
    Column("number", Integer, nullable=False),
    Index("ix_rate_count_slot", "slot"),
    Index("ix_rate_count_expires", "expires"),
)

#: Slots of a period. With 60 of them, a count of an hour is forgotten after 61 minutes at most.
_SLOTS = 60
#: Seconds between two deletions of what counts no more.
_DELETION_INTERVAL = 300
#: Milliseconds that counting may wait for another process. A transaction takes about one.
_BUSY_MILLISECONDS = 5000
#: Connections to PostgreSQL: a transaction is so short that more would hardly ever be used.
_POOL_SIZE = 3
_COUNT_LOCK_KEY = LOCK_KEYS + 2
#: A crash of the server may lose the last half second of counts, and no commit waits for a disk.
_BEGIN_COUNTING = (
    f"BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL lock_timeout = {_BUSY_MILLISECONDS};"
    " SET LOCAL idle_in_transaction_session_timeout = '10s';"
    f" SELECT pg_advisory_xact_lock({_COUNT_LOCK_KEY})"
)

_DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


class CountKey(msgspec.Struct, frozen=True, order=True):
    """Whom something is counted for."""

    scope: str  #: ``network``
    name: str  #: ``203.0.113.0/24``


class FullCount(msgspec.Struct, frozen=True):
    """A count that is at its limit."""

    key: CountKey
    seconds: int  #: until one more is allowed, from 1


class CountState(msgspec.Struct, frozen=True):
    """How a count is."""

    total: int
    seconds: int  #: until one more is allowed; 0 where it is allowed now


class Reserve(msgspec.Struct, frozen=True):
    """What a key that is at its limit still leaves to who has used little."""

    key: CountKey  #: of everybody together
    number: int  #: each other key may reach before that one holds it up


class RateCounts:
    """The counts beside a ledger. Threads may share it.

    Nothing is opened or created before it is used for the first time. Each method may raise
    `LedgerUnavailable` or `LedgerError`.
    """

    def __init__(self, ledger: Ledger) -> None:
        """Prepare for the counts beside an open ledger."""
        self._engine = _create_engine(ledger)
        self._preparing = threading.Lock()
        self._is_prepared = False
        self._deleted_at = 0  #: when what had expired was last deleted, Unix time

    def hit(
        self,
        kind: str,
        period: timedelta,
        most: Mapping[CountKey, int],
        now: datetime,
        reserve: Reserve | None = None,
    ) -> FullCount | None:
        """Count one for each key, or nothing if one of them is at its limit.

        This is exact: of all processes, one at a time looks and counts.

        Args:
            kind: What is counted.
            period: Within which a number is allowed.
            most: How many are allowed for each key.
            now: Aware.
            reserve: Who is counted although a key is at its limit; None for nobody.

        Returns:
            The count that is at its limit and stays so the longest; None if all were counted.
        """
        with self._writing(now) as connection:
            full = _find_full(connection, kind, period, most, now, reserve)
            if full is None:
                _add(connection, kind, period, dict.fromkeys(most, 1), now)
        return full

    def add(
        self,
        kind: str,
        period: timedelta,
        numbers: Mapping[CountKey, int],
        most: Mapping[CountKey, int],
        now: datetime,
    ) -> dict[CountKey, CountState]:
        """Add to some counts, whatever their limits; return how each is then.

        Args:
            kind: What is counted.
            period: Within which a number is allowed.
            numbers: How many to add for each key.
            most: How many are allowed for each key.
            now: Aware.
        """
        with self._writing(now) as connection:
            _add(connection, kind, period, numbers, now)
            slots = _list_slots(connection, kind, period, tuple(numbers), now)
        states = {}
        for key, rows in slots.items():
            total = _sum(rows)
            is_full = key in most and total >= most[key]
            seconds = _count_seconds(rows, most[key], period, now) if is_full else 0
            states[key] = CountState(total, seconds)
        return states

    def find_full(
        self, kind: str, period: timedelta, most: Mapping[CountKey, int], now: datetime
    ) -> FullCount | None:
        """Return what `hit` would return, and count nothing."""
        with self._writing(now) as connection:
            return _find_full(connection, kind, period, most, now)

    def list_highest(
        self, kind: str, period: timedelta, now: datetime, limit: int
    ) -> list[tuple[CountKey, int]]:
        """Return the highest counts of a kind, the highest first."""
        total = func.sum(_rate_count.c.number).label("total")
        statement = (
            select(_rate_count.c.scope, _rate_count.c.key, total)
            .where(_rate_count.c.kind == kind, _is_recent(period, now))
            .group_by(_rate_count.c.scope, _rate_count.c.key)
            .order_by(total.desc(), _rate_count.c.key)
            .limit(limit)
        )
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        return [(CountKey(row.scope, row.key), int(row.total)) for row in rows]

    def has_any(self, kinds: Sequence[str], key: CountKey, now: datetime) -> bool:
        """Return whether any of some kinds is counted for a key. It waits for nobody."""
        statement = select(_rate_count.c.kind).where(
            _rate_count.c.kind.in_(kinds),
            _rate_count.c.scope == key.scope,
            _rate_count.c.key == key.name,
            _rate_count.c.expires > _to_seconds(now),
        )
        with self._reading() as connection:
            return connection.execute(statement.limit(1)).first() is not None

    def is_there(self) -> bool:
        """Return whether anything was ever counted. Nothing is created."""
        if self._engine.dialect.name == "sqlite":
            return Path(str(self._engine.url.database)).is_file()
        engine = self._engine.execution_options(begin=BEGIN_READING)
        with explain_faults(engine), engine.connect() as connection:
            return inspect(connection).has_table(_rate_count.name)

    def close(self) -> None:
        """Close all connections; the next use opens them again."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads. On SQLite it does not wait for a writer."""
        engine = self._engine.execution_options(reading=True, begin=BEGIN_READING)
        with explain_faults(self._engine), self._noticing_damage():
            self._prepare()
            with engine.begin() as connection:
                yield connection

    @contextmanager
    def _writing(self, now: datetime) -> Iterator[Connection]:
        """Open a transaction in which nothing is dated in the future."""
        with explain_faults(self._engine), self._noticing_damage():
            self._prepare()
            with self._engine.begin() as connection:
                moment = _to_seconds(now)
                _bring_back(connection, moment)
                if not 0 <= moment - self._deleted_at < _DELETION_INTERVAL:
                    expired = _rate_count.c.expires <= moment
                    connection.execute(delete(_rate_count).where(expired))
                    self._deleted_at = moment
                yield connection

    @contextmanager
    def _noticing_damage(self) -> Iterator[None]:
        """Let the next use check a file that turns out to be damaged."""
        try:
            yield
        except DBAPIError as error:
            if _is_damaged(error):
                self._is_prepared = False
            raise

    def _prepare(self) -> None:
        """Create the table where there is none; begin anew with a file that is damaged."""
        with self._preparing:
            if self._is_prepared:
                return
            if not _create_table(self._engine):
                log.error("the counts of the limits were damaged, so they begin anew")
                self._engine.dispose()
                _delete_file(Path(str(self._engine.url.database)))
                _create_table(self._engine)
            self._is_prepared = True


def is_reserved(key: CountKey, totals: Mapping[CountKey, int], reserve: Reserve | None) -> bool:
    """Return whether a full key holds nobody up whose other counts are as they are."""
    if reserve is None or key != reserve.key:
        return False
    return all(total < reserve.number for other, total in totals.items() if other != key)


def name_count_file(ledger_file: Path) -> Path:
    """Return the file of the counts beside a SQLite ledger: ``ledger.sqlite3.limits``."""
    return ledger_file.with_name(f"{ledger_file.name}.limits")


def _create_engine(ledger: Ledger) -> Engine:
    url = ledger.engine.url
    if not ledger.is_sqlite:
        return create_postgres_engine(
            url, ledger.role, _BEGIN_COUNTING, pool_size=_POOL_SIZE, max_overflow=0
        )
    if ledger.is_read_only:  # nothing can be kept: each process counts for itself
        engine = create_engine(
            "sqlite://",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False, "factory": SqliteConnection},
        )
    else:
        file = name_count_file(Path(str(url.database)))
        engine = create_engine(
            url.set(database=str(file)), connect_args={"factory": SqliteConnection}
        )
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # `_on_sqlite_begin` begins transactions
    use_wal(connection, _BUSY_MILLISECONDS / 1000)
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "synchronous=NORMAL",  # no commit waits for the disk; a power cut may lose the last ones
        "secure_delete=ON",  # networks are personal data
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def _create_table(engine: Engine) -> bool:
    """Create the table where there is none; return False where the file is damaged."""
    try:
        with engine.begin() as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            if is_sqlite and connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                return False
            _metadata.create_all(connection)
    except DBAPIError as error:
        if _is_damaged(error):
            return False
        raise
    return True


def _is_damaged(error: DBAPIError) -> bool:
    return get_primary_code(error.orig) in _DAMAGED


def _delete_file(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _to_seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _get_slot_length(period: timedelta) -> int:
    return max(1, int(period.total_seconds()) // _SLOTS)


def _is_recent(period: timedelta, now: datetime) -> Any:
    """Return the condition that some part of a slot is within the period."""
    oldest = _to_seconds(now) - int(period.total_seconds()) - _get_slot_length(period)
    return _rate_count.c.slot > oldest


def _list_slots(
    connection: Connection,
    kind: str,
    period: timedelta,
    keys: Sequence[CountKey],
    now: datetime,
) -> dict[CountKey, list[Row[tuple[str, str, int, int]]]]:
    """Return the slots that count for some keys, the oldest first."""
    columns = (
        _rate_count.c.scope,
        _rate_count.c.key,
        _rate_count.c.slot,
        _rate_count.c.number,
    )
    found: dict[CountKey, list[Row[tuple[str, str, int, int]]]] = {key: [] for key in keys}
    for key in keys:
        mine = (_rate_count.c.scope == key.scope, _rate_count.c.key == key.name)
        statement = (
            select(*columns)
            .where(_rate_count.c.kind == kind, *mine, _is_recent(period, now))
            .order_by(_rate_count.c.slot)
        )
        found[key] = list(connection.execute(statement))
    return found


def _sum(rows: Sequence[Row[Any]]) -> int:
    return sum(row.number for row in rows)


def _find_full(
    connection: Connection,
    kind: str,
    period: timedelta,
    most: Mapping[CountKey, int],
    now: datetime,
    reserve: Reserve | None = None,
) -> FullCount | None:
    slots = _list_slots(connection, kind, period, tuple(most), now)
    totals = {key: _sum(rows) for key, rows in slots.items()}
    full = [
        FullCount(key, _count_seconds(slots[key], most[key], period, now))
        for key, total in totals.items()
        if total >= most[key] and not is_reserved(key, totals, reserve)
    ]
    return max(full, key=lambda one: one.seconds, default=None)


def _count_seconds(rows: Sequence[Row[Any]], most: int, period: timedelta, now: datetime) -> int:
    """Return the seconds until so many slots have expired that one more is allowed."""
    left, length = _sum(rows), _get_slot_length(period)
    for row in rows:
        left -= row.number
        if left < most:
            over_at: int = row.slot + length + int(period.total_seconds())
            return max(1, over_at - _to_seconds(now))
    return int(period.total_seconds())


def _add(
    connection: Connection,
    kind: str,
    period: timedelta,
    numbers: Mapping[CountKey, int],
    now: datetime,
) -> None:
    length = _get_slot_length(period)
    slot = _to_seconds(now) // length * length
    expires = slot + length + int(period.total_seconds())
    for key, number in numbers.items():
        if number:
            _add_to_slot(connection, (kind, key.scope, key.name, slot), expires, number)


def _add_to_slot(
    connection: Connection, row: tuple[str, str, str, int], expires: int, number: int
) -> None:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = dict(zip(("kind", "scope", "key", "slot"), row, strict=True))
    statement = make(_rate_count).values(**values, expires=expires, number=number)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(values),
            set_={"number": _rate_count.c.number + statement.excluded.number},
        )
    )


def _bring_back(connection: Connection, moment: int) -> None:
    """Date what is dated in the future now."""
    is_ahead = _rate_count.c.slot > moment
    if connection.execute(select(_rate_count.c.slot).where(is_ahead).limit(1)).first() is None:
        return
    for row in connection.execute(delete(_rate_count).where(is_ahead).returning(*_rate_count.c)):
        same = (row.kind, row.scope, row.key, moment)
        _add_to_slot(connection, same, moment + row.expires - row.slot, row.number)
