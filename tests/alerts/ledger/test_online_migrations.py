"""On PostgreSQL, an upgrade holds nobody up for long, and waits for who holds it up."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from alerts.ledger import open_ledger
from tests.support import old_ledgers
from tests.support.postgres import create_database

pytestmark = pytest.mark.postgres

#: The last migration that was made before the rules.
LAST_FREE = "0021"


def test_what_holds_a_table_is_noticed(statement: str) -> None:
    assert find_fault(statement)
    assert find_fault("CREATE INDEX CONCURRENTLY ix_message_phase ON message (phase)") is None
    assert find_fault("ALTER TABLE message ADD CONSTRAINT ck CHECK (true) NOT VALID") is None


@pytest.mark.slow
def test_an_upgrade_waits_for_a_long_transaction_and_says_so(
    postgres_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes the table for three seconds at most, and others use it in between."""
    with create_database(postgres_server, "template1") as url, ThreadPoolExecutor(1) as pool:
        engine = create_engine(f"{connect(url).url}?application_name=nightly", isolation_level=None)
        with engine.begin() as connection:
            old_ledgers.upgrade_schema(connection, "0020")
        with engine.connect() as long, closing(long):
            long.execute(text("select * from writer"))
            with caplog.at_level(logging.WARNING, "watchword.ledger"):
                opened = pool.submit(open_ledger, url)
                wait_for_log(caplog, "waits for nightly")
            begun = time.monotonic()
            with engine.connect() as other:
                other.execute(text("select * from writer"))
            assert time.monotonic() - begun < 3.5
            assert not opened.done()
            long.rollback()
        opened.result(30).close()
        engine.dispose()


def wait_for_log(caplog: pytest.LogCaptureFixture, words: str) -> None:
    end = time.monotonic() + 30
    while words not in caplog.text:
        assert time.monotonic() < end, caplog.text
        time.sleep(0.05)
