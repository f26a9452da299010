"""Ledgers of earlier schemas, loaded from the dumps in ``tests/alerts/ledger/fixtures``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Connection, Date, DateTime, MetaData, Table, create_engine, text

import alerts.ledger

FOLDER = Path(__file__).parents[1] / "alerts" / "ledger" / "fixtures"
VERSIONS = tuple(sorted(path.stem for path in FOLDER.glob("*.sql")))
#: The schema of each release, of which there is a dump. The next migration after a release comes
#: with another version of the program.
RELEASED = {"1.0.0": "0035"}
MIGRATIONS = Path(alerts.ledger.__file__).parent / "migrations"


def load_sqlite(version: str, path: Path) -> None:
    """Make the SQLite ledger of a version at ``path``."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript((FOLDER / f"{version}.sql").read_text())
        database.commit()


def load_postgres(version: str, url: str, folder: Path) -> None:
    """Make the ledger of a version in the empty database at ``url``.

    The migrations make its tables, so ``version`` must be one that was not edited afterwards.
    ``folder`` is a place for temporary files.
    """
    source = folder / f"{version}.sqlite3"
    load_sqlite(version, source)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection, closing(sqlite3.connect(source)) as database:
        upgrade_schema(connection, version)
        _copy_rows(database, connection)
    engine.dispose()


def upgrade_schema(connection: Connection, revision: str) -> None:
    """Run the migrations up to a revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _copy_rows(database: sqlite3.Connection, connection: Connection) -> None:
    database.row_factory = sqlite3.Row
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name in {"alembic_version", "topic_of_first_language"}:
            continue
        connection.execute(table.delete())
        rows = [dict(_convert(table, row)) for row in _read_rows(database, table.name)]
        if table.name == "word":
            words = "array_to_tsvector(string_to_array(:keys, ' '))"
            insert = text(f"INSERT INTO word (rowid, keys) VALUES (:rowid, {words})")  # noqa: S608
            if rows:
                connection.execute(insert, rows)
        elif rows:
            connection.execute(table.insert(), rows)
        _set_sequence(connection, table)


def _read_rows(database: sqlite3.Connection, table: str) -> Iterator[Mapping[str, Any]]:
    columns = "rowid, keys" if table == "word" else "*"
    for row in database.execute(f'SELECT {columns} FROM "{table}"'):  # noqa: S608
        yield dict(row)


def _convert(table: Table, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a SQLite row as PostgreSQL's types want them."""
    for name, value in row.items():
        kind = table.c[name].type
        if value is None:
            yield name, None
        elif isinstance(kind, Boolean):
            yield name, bool(value)
        elif isinstance(kind, DateTime):
            yield name, datetime.fromisoformat(f"{value}+00:00")
        elif isinstance(kind, Date):
            yield name, date.fromisoformat(value)
        else:
            yield name, value


def _set_sequence(connection: Connection, table: Table) -> None:
    for column in table.primary_key:
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": f'"{table.name}"', "column": column.name},
        ).scalar()
        if sequence:
            newest = f'SELECT coalesce(max("{column.name}"), 0) + 1 FROM "{table.name}"'  # noqa: S608
            connection.execute(text(f"SELECT setval('{sequence}', ({newest}), false)"))
