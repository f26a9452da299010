"""Looking at a ledger without changing it: also at one that is too old, or not there yet."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import DBAPIError

from alerts.ledger import database_clock, schema_version
from alerts.ledger.faults import describe
from alerts.ledger.postgres import create_postgres_engine
from alerts.ledger.urls import LedgerError, format_url, parse_url


class LedgerFacts(msgspec.Struct, frozen=True):
    """What a ledger is like."""

    product: str  #: ``SQLite 3.40.1``, ``PostgreSQL 15.14``
    schema: str | None  #: the number of its schema; None for an empty database
    newest_schema: str  #: the one that this program needs
    clock: datetime  #: the database's, in UTC
    log_mode: str | None = None  #: SQLite's ``journal_mode``: ``wal``
    damage: str | None = None  #: what SQLite says about a damaged file; None if it is whole


def inspect_ledger(url: str) -> LedgerFacts | None:
    """Look at a ledger; change, upgrade and create nothing.

    Returns:
        None where there is no file of that name, or an empty one.

    Raises:
        LedgerError: It cannot be opened or read.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(str(parsed.database))
        if not path.is_file() or not path.stat().st_size:
            return None
        engine = create_engine("sqlite://", creator=partial(_connect_to_file, path))
    else:
        engine = create_postgres_engine(parsed, "doctor")
    try:
        with closing(engine.connect()) as connection:
            return _read_facts(connection)
    except DBAPIError as error:
        shown = format_url(parsed)
        raise LedgerError(f"{shown} cannot be used: {describe(error, engine)}") from error
    finally:
        engine.dispose()


def _connect_to_file(path: Path) -> sqlite3.Connection:
    """Open a SQLite file for reading alone."""
    uri = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _read_facts(connection: Connection) -> LedgerFacts:
    seconds = connection.execute(select(database_clock.read_seconds(connection))).scalar_one()
    clock = datetime.fromtimestamp(float(seconds), UTC)
    schema, newest = schema_version.find(connection), schema_version.get_newest()
    if connection.dialect.name != "sqlite":
        version = str(connection.execute(text("SHOW server_version")).scalar_one())
        return LedgerFacts(f"PostgreSQL {version.split(maxsplit=1)[0]}", schema, newest, clock)
    version = str(connection.execute(text("SELECT sqlite_version()")).scalar_one())
    mode = str(connection.execute(text("PRAGMA journal_mode")).scalar_one())
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
    damage = None if found == "ok" else found
    return LedgerFacts(f"SQLite {version}", schema, newest, clock, mode, damage)
