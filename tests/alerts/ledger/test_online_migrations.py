"""On PostgreSQL, an upgrade holds nobody up for long, and waits for who holds it up."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Engine, create_engine, event, text

from alerts.ledger import open_ledger
from tests.support import old_ledgers
from tests.support.postgres import create_database

pytestmark = pytest.mark.postgres

#: The last migration that was made before the rules.
LAST_FREE = "0021"
#: What holds a table for as long as the statement runs, and what to do instead.
FORBIDDEN = {
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)": "make it with postgresql_concurrently=True",
    r"DROP INDEX (?!CONCURRENTLY)": "drop it with postgresql_concurrently=True",
    r"ALTER TABLE .* ADD (CONSTRAINT .* )?(CHECK|FOREIGN KEY)(?!.*NOT VALID)": (
        "add it as NOT VALID, and validate it in another migration"
    ),
    r"ALTER TABLE .* ADD (CONSTRAINT .* )?(UNIQUE|PRIMARY KEY)(?!.*USING INDEX)": (
        "make a unique index concurrently"
    ),
    r"ALTER TABLE .* SET NOT NULL": "add a check constraint as NOT VALID, and validate it",
    r"(UPDATE|DELETE FROM) (?!alembic_version)": "let the daemon do it in batches",
    r"LOCK TABLE": "do without",
}


@pytest.fixture
def old_url(postgres_server: str) -> Iterator[str]:
    """The URL of a ledger of the schema before the rules."""
    with create_database(postgres_server, "template1") as url:
        engine = connect(url)
        with engine.begin() as connection:
            old_ledgers.upgrade_schema(connection, LAST_FREE)
        engine.dispose()
        yield url


def connect(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def test_no_new_migration_holds_a_table_for_long(old_url: str) -> None:
    engine = connect(old_url)
    before = list_files(engine)
    assert list_faults(old_url) == []
    after = list_files(engine)
    engine.dispose()
    rewritten = {name for name in before if name in after and before[name] != after[name]}
    assert rewritten == set()


def list_files(engine: Engine) -> dict[str, int]:
    """Return the file of each table, which is another one when the table was written anew."""
    with engine.connect() as connection:
        statement = "select relname, relfilenode from pg_class where relkind = 'r'"
        tables = connection.execute(text(f"{statement} and relnamespace = 'public'::regnamespace"))
        return {row.relname: row.relfilenode for row in tables}


def list_faults(url: str) -> list[str]:
    """Upgrade the ledger of a URL; return the statements that broke a rule, and which."""
    said: list[str] = []

    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        said.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        open_ledger(url).close()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return [fault for statement in drop_new_tables(said) if (fault := find_fault(statement))]


def drop_new_tables(said: list[str]) -> list[str]:
    """Leave out what is done to tables that the same upgrade makes: nobody uses them yet."""
    made = {match[1] for statement in said if (match := re.match(r"CREATE TABLE (\w+)", statement))}
    return [
        statement
        for statement in said
        if not any(re.search(rf"(ON|TABLE|INTO|UPDATE|FROM) {name}\b", statement) for name in made)
    ]


def find_fault(statement: str) -> str | None:
    for pattern, remedy in FORBIDDEN.items():
        if re.match(pattern, statement, re.IGNORECASE):
            return f"{statement}: {remedy}"
    return None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX ix_message_phase ON message (phase)",
        "ALTER TABLE message ADD CONSTRAINT ck CHECK (attempts >= 0)",
        "ALTER TABLE message ADD FOREIGN KEY(epoch) REFERENCES writer (epoch)",
        "ALTER TABLE message ALTER COLUMN epoch SET NOT NULL",
        "UPDATE message SET epoch = 1",
    ],
)
def test_what_holds_a_table_is_noticed(statement: str) -> None:
    assert find_fault(statement)
    assert find_fault("CREATE INDEX CONCURRENTLY ix_message_phase ON message (phase)") is None
    assert find_fault("ALTER TABLE message ADD CONSTRAINT ck CHECK (true) NOT VALID") is None


@pytest.mark.slow
def test_an_upgrade_waits_for_a_long_transaction_and_says_so(
    postgres_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes the table for three seconds at most, and others use it in between.

    The limit is twice that, for a busy machine; without it, others would wait until ``rollback``.
    """
    with create_database(postgres_server, "template1") as url, ThreadPoolExecutor(1) as pool:
        engine = create_engine(f"{connect(url).url}?application_name=nightly", isolation_level=None)
        with engine.begin() as connection:
            old_ledgers.upgrade_schema(connection, "0020")
        with engine.connect() as long, closing(long):
            long.execute(text("select * from writer"))
            with caplog.at_level(logging.WARNING, "watchword.ledger"):
                opened = pool.submit(open_ledger, url)
                wait_for_log(caplog, 'waits_for="nightly')
            begun = time.monotonic()
            with engine.connect() as other:
                other.execute(text("select * from writer"))
            assert time.monotonic() - begun < 6
            assert not opened.done()
            long.rollback()
        opened.result(30).close()
        engine.dispose()


def wait_for_log(caplog: pytest.LogCaptureFixture, words: str) -> None:
    end = time.monotonic() + 30
    while words not in caplog.text:
        assert time.monotonic() < end, caplog.text
        time.sleep(0.05)
