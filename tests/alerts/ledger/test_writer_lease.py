"""The lease of the writer on PostgreSQL: who holds it, and until when."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text, update

from alerts.ledger import Ledger, LedgerUnavailable, WriterLost, open_ledger, writer
from alerts.ledger.schema import notice
from alerts.ledger.service_schema import writer as writer_table
from alerts.ledger.writer_lease import SERVER_TIME

pytestmark = pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)

#: Seconds between two renewals, so that a test does not wait for them.
BEAT_SECONDS = 0.05


@pytest.fixture
def second(ledger_url: str) -> Iterator[Ledger]:
    """The same ledger, opened by another process."""
    opened = open_ledger(ledger_url)
    yield opened
    opened.engine.dispose()


def set_row(ledger: Ledger, process: str | None, age: float) -> None:
    """Let a process have renewed its lease ``age`` seconds ago."""
    with ledger.writing_shard() as connection:
        connection.execute(update(writer_table).values(process=process, beat=SERVER_TIME - age))


def is_free(ledger: Ledger) -> bool:
    with writer.become(ledger) as mine:
        return mine is not None


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(BEAT_SECONDS)


@pytest.mark.parametrize(
    ("process", "age", "free"),
    [
        ("boot other pid 7 started 1", 1, False),
        ("boot other pid 7 started 1", 31, True),
        ("boot other pid 7 started 1", -31, True),  # before the server's clock was set back
        ("{here} pid 999999999 started 1", 1, True),  # killed on this machine
        (None, 1, True),  # given up
    ],
)
def test_who_may_take_it(process: str | None, age: float, free: bool, ledger: Ledger) -> None:
    with writer.become(ledger), ledger.reading() as connection:
        mine: str = connection.execute(text("select process from writer")).scalar_one()
    set_row(ledger, process and process.format(here=mine.partition(" pid ")[0]), age)
    assert is_free(ledger) is free


def test_it_is_renewed_while_a_transaction_of_its_holder_is_open(
    ledger: Ledger, second: Ledger
) -> None:
    with writer.become(ledger, beat_seconds=BEAT_SECONDS) as mine:
        assert mine is not None
        with mine.ledger.writing():
            set_row(second, "boot other pid 7 started 1", 29)
            wait_for(lambda: read_age(second) < 20)


def read_age(ledger: Ledger) -> float:
    with ledger.reading() as connection:
        age: float = connection.execute(
            text("select extract(epoch from clock_timestamp()) - beat from writer")
        ).scalar_one()
    return age


def test_who_takes_it_waits_for_what_its_holder_is_writing(ledger: Ledger, second: Ledger) -> None:
    with writer.become(ledger) as old, ThreadPoolExecutor(1) as pool:
        assert old is not None
        with old.ledger.writing_shard() as connection:
            set_row(second, "boot other pid 7 started 1", 60)
            taken = pool.submit(is_free, second)
            wait_for(lambda: count_waiting(second))
            connection.execute(notice.delete())
        assert taken.result(20)
        with pytest.raises(WriterLost), old.ledger.writing_shard():
            pass


def count_waiting(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        waiting: int = connection.execute(
            text(
                "select count(*) from pg_stat_activity"
                " where datname = current_database() and wait_event_type = 'Lock'"
            )
        ).scalar_one()
    return waiting


def test_it_outlives_the_end_of_all_sessions(ledger: Ledger, second: Ledger) -> None:
    with writer.become(ledger, beat_seconds=BEAT_SECONDS) as mine:
        assert mine is not None
        for _ in range(3):
            with second.reading() as connection:
                connection.execute(
                    text(
                        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                        " where datname = current_database() and pid <> pg_backend_pid()"
                    )
                )
            time.sleep(2 * BEAT_SECONDS)
        set_row(second, "boot other pid 7 started 1", 29)
        wait_for(lambda: read_age(second) < 20)
        assert not is_free(second)
        assert mine.find_loss() is None
        write_once(mine.ledger)


def write_once(ledger: Ledger) -> None:
    """Write, at the second attempt if the connection of the first one was ended."""
    for _ in range(2):
        try:
            with ledger.writing():
                return
        except LedgerUnavailable:
            continue
    raise AssertionError("the ledger cannot be written")


def test_sessions_say_what_they_are_for_and_keep_no_settings(
    ledger: Ledger, ledger_url: str
) -> None:
    named = open_ledger(ledger_url, role="run")
    with named.reading() as connection:
        names = "select application_name, query from pg_stat_activity where pid = pg_backend_pid()"
        assert connection.execute(text(names)).one()[0] == "watchword run"
        limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        inside = [connection.execute(text(f"show {name}")).scalar() for name in limits]
        assert "0" not in inside
        assert connection.execute(text("show transaction_read_only")).scalar() == "on"
        driver = connection.connection.driver_connection
        assert driver is not None
    assert [driver.execute(f"show {name}").fetchone()[0] for name in limits] == ["0", "0", "0"]
    named.engine.dispose()
    with ledger.reading() as connection:
        prepared = "select count(*) from pg_prepared_statements"
        counts = {connection.execute(text(prepared)).scalar() for _ in range(8)}
    assert counts == {0}
