"""Upgrading an older ledger to the newest schema.

It is apart from :mod:`alerts.ledger.engine` because importing Alembic takes 0.2 s, and most
commands open a ledger that is up to date.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from alerts.errors import WatchwordError
from alerts.ledger import topics
from alerts.ledger.faults import LedgerUnavailable
from alerts.ledger.postgres import BEGIN_MIGRATION
from crawler.event_log import get_logger

log = get_logger("watchword.ledger")

#: Called after each migration with the number of those that are done, and of all.
StepCallback: TypeAlias = Callable[[int, int], None]

#: Seconds between two attempts of a step that found a table in use, and after which the upgrade
#: gives up: longer than any transaction of ours may take, shorter than a night.
_PAUSE = 2.0
_PATIENCE = 900.0
#: SQLSTATE of a lock that was not to be had in time.
_LOCK_NOT_AVAILABLE = "55P03"
_MIGRATIONS = Path(__file__).parent / "migrations"


class NewerSchema(WatchwordError):
    """A newer version of this program wrote the ledger. The message is its revision."""


class BrokenReferences(WatchwordError):
    """After a migration, rows refer to rows that do not exist."""


def upgrade(engine: Engine, on_step: StepCallback = lambda _done, _total: None) -> None:
    """Migrate to the newest schema, and rewrite canonical forms of an older query language.

    Does nothing if the schema is the newest. On SQLite, all is one transaction. On PostgreSQL each
    step is, so that none keeps its locks for long; a step that finds a table in use is tried again.

    Args:
        engine: Of the ledger.
        on_step: Called after each migration of a ledger that has a schema with the number of those
            that are done, and of all.

    Raises:
        NewerSchema: The revision of the ledger is unknown.
        BrokenReferences: The migration failed, and changed nothing.
        LedgerUnavailable: Another transaction held a table for :data:`_PATIENCE`.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    if engine.dialect.name == "sqlite":
        with without_foreign_keys(engine) as connection, connection.begin():
            _upgrade_at_once(connection, config, scripts, on_step)
    else:
        _upgrade_in_steps(engine.execution_options(begin=BEGIN_MIGRATION), config, scripts, on_step)


def _upgrade_at_once(
    connection: Connection, config: Config, scripts: ScriptDirectory, on_step: StepCallback
) -> None:
    pending, is_new = _list_pending(connection, scripts)
    if not pending:
        return
    config.attributes["connection"] = connection
    if not is_new:
        config.attributes["on_version_apply"] = _count_steps(len(pending), on_step)
    command.upgrade(config, "head")
    topics.rewrite_outdated(connection)
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise BrokenReferences(f"rows without the row that they refer to: {broken[:5]}")


def _upgrade_in_steps(
    engine: Engine, config: Config, scripts: ScriptDirectory, on_step: StepCallback
) -> None:
    with engine.connect() as connection:
        pending, is_new = _list_pending(connection, scripts)
    head = scripts.get_current_head()
    for done, revision in enumerate(pending, start=1):
        rewrites = [_rewrite_topics] if revision == head else []
        config.attributes["on_version_apply"] = rewrites
        _run_step(engine, config, scripts, revision)
        if not is_new:
            on_step(done, len(pending))


def _rewrite_topics(*, ctx: MigrationContext, **_: Any) -> None:
    """Rewrite what is written in an older query language, in the transaction of the last step."""
    assert ctx.connection is not None
    topics.rewrite_outdated(ctx.connection)


def _run_step(engine: Engine, config: Config, scripts: ScriptDirectory, revision: str) -> None:
    """Run one migration, unless another process has done it meanwhile."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with engine.connect() as connection:
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
        except (CommandError, DBAPIError) as error:
            if _is_done(engine, scripts, revision):
                return
            if getattr(getattr(error, "orig", None), "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            _wait(engine, revision, is_last=time.monotonic() > end)
        else:
            return


def _is_done(engine: Engine, scripts: ScriptDirectory, revision: str) -> bool:
    with engine.connect() as connection:
        pending, _ = _list_pending(connection, scripts)
    return revision not in pending


def _wait(engine: Engine, revision: str, *, is_last: bool) -> None:
    """Say which transaction the upgrade waits for, and wait a little."""
    with engine.connect() as connection:
        row = connection.execute(_OLDEST_TRANSACTION).one_or_none()
    whom = f"{row.name} (process {row.pid}, for {row.seconds} s)" if row else "another transaction"
    if is_last:
        raise LedgerUnavailable(
            f"step {revision} of the upgrade waited for {whom}, and changed nothing: try again"
        )
    log.warning("a step of the upgrade of the ledger waits", step=revision, waits_for=whom)
    time.sleep(_PAUSE)


#: Of the other sessions in this database, the one whose transaction began first.
_OLDEST_TRANSACTION = text(
    "select coalesce(nullif(application_name, ''), usename) as name, pid,"
    " round(extract(epoch from clock_timestamp() - xact_start)) as seconds"
    " from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and xact_start is not null order by xact_start limit 1"
)


def _list_pending(connection: Connection, scripts: ScriptDirectory) -> tuple[list[str], bool]:
    """Return the revisions that are to be run, in order, and whether the ledger is a new one.

    Raises:
        NewerSchema: The revision of the ledger is unknown.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    known = [script.revision for script in scripts.walk_revisions()]
    if current and current not in known:
        raise NewerSchema(current)
    newer = known[: known.index(current)] if current else known
    return newer[::-1], current is None


def _count_steps(total: int, on_step: StepCallback) -> Callable[..., None]:
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
