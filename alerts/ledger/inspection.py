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
    #: Why nothing can be written on PostgreSQL; None where it can.
    read_only_reason: str | None = None


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
        reason = _find_read_only_reason(connection)
        product = f"PostgreSQL {version.split(maxsplit=1)[0]}"
        return LedgerFacts(product, schema, newest, clock, read_only_reason=reason)
    version = str(connection.execute(text("SELECT sqlite_version()")).scalar_one())
    mode = str(connection.execute(text("PRAGMA journal_mode")).scalar_one())
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
    damage = None if found == "ok" else found
    return LedgerFacts(f"SQLite {version}", schema, newest, clock, mode, damage)


#: Whether the server follows another one, whether transactions only read, and whether this user may
#: change the table that every version of the schema has.
_RIGHTS = text("""
    select pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on',
      current_user, to_regclass('alembic_version') is null
        or has_table_privilege(to_regclass('alembic_version'), 'UPDATE')
""")


def _find_read_only_reason(connection: Connection) -> str | None:
    follows, only_reads, user, may_change = connection.execute(_RIGHTS).one()
    if follows:
        return "the server is a standby, which takes no changes"
    if only_reads:
        return "default_transaction_read_only is on"
    return None if may_change else f"the user {user} may not change the tables"
