"""The engine's tables: made and upgraded from the files that its package brings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files

from sqlalchemy import Connection, text

from alerts.ledger import Ledger
from alerts.ledger.queued_jobs import SCHEMA
from crawler.event_log import get_logger

log = get_logger("watchword.cluster")

#: "jobs" in ASCII: those who install the tables at the same time wait for each other.
_LOCK_KEY = 0x6A6F6273

_PREPARE = (
    # An upgrade that cannot lock a table within five seconds must not hold up those behind it.
    "set local lock_timeout = '5s'",
    f"select pg_advisory_xact_lock({_LOCK_KEY})",
    f"create schema if not exists {SCHEMA}",
    # With another schema first, the engine's tables would be made there.
    f"set local search_path = {SCHEMA}",
    """create table if not exists applied_file
       (name text primary key, applied_at timestamptz not null default now())""",
)
_FINISH = (
    # Failed jobs are few, and looked up by their piece before a new job is made for it.
    """create index if not exists failed_job_idx on procrastinate_jobs (queueing_lock)
       where status = 'failed'""",
    # Each job leaves dead rows at once, and the whole table is small.
    "alter table procrastinate_jobs set (autovacuum_vacuum_scale_factor = 0.01)",
    "alter table procrastinate_events set (autovacuum_vacuum_scale_factor = 0.01)",
)
#: The engine names no schema. New sessions of this role find its tables, also those of a pooler,
#: which refuses the search path as an option of the connection.
_SET_ROLE_PATH = text("""
    select format('alter role %I in database %I set search_path = "$user", public, jobs',
                  current_user, current_database())
    where not exists (
      select from pg_db_role_setting setting, unnest(setconfig) as one
      where setdatabase = (select oid from pg_database where datname = current_database())
        and setrole = (select oid from pg_roles where rolname = current_user)
        and one like 'search_path=%jobs%')
""")


def install_engine(ledger: Ledger) -> None:
    """Make the engine's tables, or upgrade them to the installed version of its package.

    Any number of processes may do this at the same time.
    """
    with ledger.as_bystander().writing() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for statement in _PREPARE:
            driver.execute(statement)
        for name, script in _list_missing(connection):
            if script:
                driver.execute(script)
            driver.execute("insert into applied_file (name) values (%s)", (name,))
        for statement in _FINISH:
            driver.execute(statement)
        if change := connection.execute(_SET_ROLE_PATH).scalar():
            driver.execute(change)


def _list_missing(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give the files that were not applied yet, with what to execute: nothing for old upgrades.

    The file for new databases is as good as all upgrades that come with it.
    """
    applied = set(connection.execute(text("select name from applied_file")).scalars())
    folder = files("procrastinate.sql")
    upgrades = sorted(
        path.name for path in folder.joinpath("migrations").iterdir() if path.name.endswith(".sql")
    )
    is_new = not applied
    if is_new:
        yield f"schema.sql of {version('procrastinate')}", folder.joinpath("schema.sql").read_text()
    for name in upgrades:
        if name not in applied:
            script = "" if is_new else folder.joinpath("migrations", name).read_text()
            yield name, script
