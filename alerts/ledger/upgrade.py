"""Upgrading an older ledger to the newest schema.

It is apart from :mod:`alerts.ledger.engine` because importing Alembic takes 0.2 s, and most
commands open a ledger that is up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from alerts.errors import WatchwordError
from alerts.ledger import topics

_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(WatchwordError):
    """A newer version of this program wrote the ledger. The message is its revision."""


class BrokenReferences(WatchwordError):
    """After a migration, rows refer to rows that do not exist."""


def upgrade(
    connection: Connection, on_step: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """Migrate to the newest schema, and rewrite canonical forms of an older query language.

    Does nothing if the schema is the newest.

    Args:
        connection: Of the ledger, in a transaction.
        on_step: Called after each migration of a ledger that has a schema with the number of those
            that are done, and of all.

    Raises:
        NewerSchema: The revision of the ledger is unknown.
        BrokenReferences: The migration failed; the caller must roll back.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current and current not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerSchema(current)
    config.attributes["connection"] = connection
    if current:
        total = sum(1 for _ in scripts.iterate_revisions("head", current))
        config.attributes["on_version_apply"] = _count_steps(total, on_step)
    command.upgrade(config, "head")
    topics.rewrite_outdated(connection)
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if broken:
            raise BrokenReferences(f"rows without the row that they refer to: {broken[:5]}")


def _count_steps(total: int, on_step: Callable[[int, int], None]) -> Callable[..., None]:
    """Return what Alembic calls after each migration."""
    done = count(1)
    return lambda **_: on_step(next(done), total)


@contextmanager
def without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """Yield a connection on which SQLite does not enforce foreign keys; the caller commits.

    SQLite alters a table by copying and dropping it, which fails while other tables refer to it and
    foreign keys are enforced (https://www.sqlite.org/lang_altertable.html#otheralter). They can be
    switched off only outside a transaction. On PostgreSQL this is a connection like any other.
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            yield connection
        finally:
            connection.rollback()
            if is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")
