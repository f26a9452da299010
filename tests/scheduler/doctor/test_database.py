"""What is wrong with a database is named, and what the advice says ends it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy

from alerts.ledger.inspection import LedgerFacts
from scheduler.clock import wall_clock
from scheduler.doctor.database import _check_version
from tests.scheduler.doctor.conftest import ExaminedService
from tests.support.postgres import EMPTY_LEDGER, create_database

GROUP = "database.reached"


def edit_file(examined: ExaminedService, *statements: str) -> None:
    """Change the ledger behind the back of the service."""
    with closing(sqlite3.connect(find_file(examined))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def find_file(examined: ExaminedService) -> Path:
    return examined.service.folder / "var" / "ledger.sqlite3"


def test_a_ledger_that_is_well(examined: ExaminedService) -> None:
    assert {one.state for one in examined.examine(GROUP)} == {"ok"}


def test_a_missing_ledger_is_made_by_the_first_command(examined: ExaminedService) -> None:
    find_file(examined).unlink()
    found = examined.find(GROUP)
    assert (found.state, found.detail.endswith("is made by the first command")) == ("skipped", True)


def test_a_damaged_file_is_named(examined: ExaminedService) -> None:
    file = find_file(examined)
    examined.service.run("backup", "../backups")
    edit_file(examined, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[8192:12288] = b"x" * 4096
    file.write_bytes(content)
    found = examined.find(GROUP)
    assert found.state == "failed"
    assert "is damaged" in found.detail or "malformed" in found.detail
    assert found.advice is not None
    if "stop the service, keep a copy" in found.advice:
        examined.service.run("restore", "../backups", "--replace")
        assert examined.pick(GROUP, "database.reached").state == "ok"


@pytest.mark.parametrize(
    ("schema", "state", "advice"),
    [
        ("0001", "warning", "back up first: the next command upgrades it"),
        ("9999", "failed", "upgrade watchword on this machine"),
    ],
)
def test_another_schema(examined: ExaminedService, schema: str, state: str, advice: str) -> None:
    edit_file(examined, f"UPDATE alembic_version SET version_num = '{schema}'")  # noqa: S608
    found = examined.pick(GROUP, "database.schema")
    assert (found.state, found.advice) == (state, advice)
    assert schema in found.detail


@pytest.mark.slow
def test_a_log_that_is_not_written_ahead(examined: ExaminedService) -> None:
    edit_file(examined, "PRAGMA journal_mode = DELETE")
    found = examined.pick(GROUP, "database.log")
    assert (found.state, found.detail) == ("warning", "SQLite logs in the mode “delete”, not WAL")
    assert "keep the file on a local disk" in str(found.advice)
    examined.service.run("once", "--no-crawl")  # on a local disk, as it is here
    assert examined.pick(GROUP, "database.log").state == "ok"


def test_a_clock_that_differs_from_the_database(examined: ExaminedService) -> None:
    found = examined.pick(
        GROUP, "clock.database", clock=lambda: wall_clock() + timedelta(minutes=1)
    )
    assert (found.state, found.advice) == ("failed", "let both machines ask a time server")
    assert "differs from this machine's by 60 s" in found.detail


def test_a_version_that_nobody_maintains() -> None:
    """No such server is at hand."""
    facts = LedgerFacts("PostgreSQL 12.22", None, "0034", wall_clock())
    [found] = _check_version(facts)
    assert "is no longer maintained" in found.detail
    assert found.advice == "upgrade to PostgreSQL 13 or newer"
    assert not list(_check_version(LedgerFacts("PostgreSQL 13.0", None, "0034", wall_clock())))


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with create_database(postgres_server, EMPTY_LEDGER) as made:
        yield made


def execute(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def use(examined: ExaminedService, url: sqlalchemy.URL | str) -> None:
    """Let the config name another ledger."""
    shown = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    file = examined.service.folder / "config.toml"
    text = file.read_text().partition("[ledger]")[0]
    file.write_text(f'{text}\n[ledger]\nurl = "{shown}"\n')


@pytest.mark.postgres
def test_a_server_that_cannot_be_used(examined: ExaminedService, url: str) -> None:
    parts = sqlalchemy.make_url(url)
    use(examined, parts.set(port=1))
    found = examined.find(GROUP)
    assert (found.state, found.check) == ("failed", GROUP)
    assert "cannot be used" in found.detail
    assert found.advice == "mend what the message names, and run `watchword doctor` again"
    use(examined, parts.set(database="nobody_has_this"))
    assert "nobody_has_this" in examined.find(GROUP).detail
    use(examined, url)
    assert {one.state for one in examined.examine(GROUP)} == {"ok"}


@pytest.mark.postgres
def test_a_database_that_takes_no_changes(examined: ExaminedService, url: str) -> None:
    name = sqlalchemy.make_url(url).database
    use(examined, url)
    execute(url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    found = examined.pick(GROUP, "database.writes")
    assert (found.state, found.detail) == ("failed", "default_transaction_read_only is on")
    assert "let transactions of that user write" in str(found.advice)
    reset = "SET default_transaction_read_only = off"
    execute(url, reset, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert {one.state for one in examined.examine(GROUP)} == {"ok"}


@pytest.mark.postgres
def test_a_user_without_rights(examined: ExaminedService, url: str) -> None:
    role = f"reader_of_{sqlalchemy.make_url(url).database}"
    execute(url, f"CREATE ROLE {role} LOGIN", f"GRANT SELECT ON alembic_version TO {role}")
    try:
        use(examined, sqlalchemy.make_url(url).set(username=role))
        found = examined.pick(GROUP, "database.writes")
        assert found.detail == f"the user {role} may not change the tables"
        execute(url, f"REVOKE SELECT ON alembic_version FROM {role}")  # noqa: S608
        assert "permission denied" in examined.find(GROUP).detail
        use(examined, url)  # the user that owns the tables
        assert {one.state for one in examined.examine(GROUP)} == {"ok"}
    finally:
        execute(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")
