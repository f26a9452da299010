"""The ledger moves to another database and back: through the command, with a crawled service."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, insert, select, text

from alerts.errors import ExitStatus
from alerts.ledger import Ledger, LedgerError, open_ledger, transfer
from alerts.ledger.schema import metadata, subscriber
from tests.support.empty_ledger import open_empty_ledger
from tests.support.postgres import create_database
from tests.support.service import (
    RunningReplica,
    ServiceFolder,
    build_config,
    count_sent_links,
    run_replica,
)

#: What is not copied: it describes a process, or is made from the questions.
LEFT_OUT = {"writer", "process", "channel_licence", "indexed_question", "vocabulary", "acronym"}
MOMENT = datetime(2026, 7, 16, 12, 0, 0, 123456, tzinfo=UTC)


def read_all(url: str) -> dict[str, list[str]]:
    """Every row of the ledger's tables, in an order of Python's own."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    found: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.name != "is_indexed"]
            rows = connection.execute(select(*columns))
            if table.name not in LEFT_OUT:
                found[table.name] = sorted(repr(tuple(row)) for row in rows)
    engine.dispose()
    return found


def use_ledger(service: ServiceFolder, url: str) -> None:
    """Put another ledger into the config."""
    file = service.folder / "config.toml"
    config = re.sub(r"\[ledger\]\nurl = .*\n", "", file.read_text())
    file.write_text(f'[ledger]\nurl = "{url}"\n{config}')


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    with create_database(postgres_server, "template1") as url:
        yield url


@pytest.mark.process
def test_a_service_moves_to_postgresql_and_back(
    replica: RunningReplica, empty_database: str, tmp_path: Path
) -> None:
    service = ServiceFolder(tmp_path, build_config(replica.url, people=3))
    sqlite = f"sqlite:///{tmp_path}/var/ledger.sqlite3"
    back = f"sqlite:///{tmp_path}/back.sqlite3"
    replica.go_to_stage(0)
    service.run("once")
    copied = service.run_json("migrate-to", empty_database, "--json")
    assert read_all(empty_database) == read_all(sqlite)
    rows = sum(len(found) for found in read_all(sqlite).values())
    assert sum(table["rows"] for table in copied["tables"]) == rows
    assert copied["indexed"] > 0

    use_ledger(service, empty_database)
    service.run("once")
    assert service.emails == []
    replica.go_to_stage(1)
    service.run("once")
    sent = count_sent_links(service.emails)
    assert sent
    assert set(sent.values()) == {1}
    found = service.run("search", "benches OR VRU").stdout

    service.run("migrate-to", back)
    assert read_all(back) == read_all(empty_database)
    use_ledger(service, back)
    service.run("once")
    assert count_sent_links(service.emails) == sent
    assert service.run("search", "benches OR VRU").stdout == found


def add_people(ledger: Ledger, people: int) -> None:
    """Add subscribers whose addresses a language's rules would sort in another way."""
    rows = [
        {
            "email": f"{'Zza'[number % 3]}{'é' * (number % 2)}{number}@demo.example",
            "token": f"{'Bb'[number % 2]}{number}",
            "zone": "Europe/London",
            "hour": 7,
            "created_at": MOMENT,
        }
        for number in range(people)
    ]
    with ledger.writing() as connection:
        connection.execute(insert(subscriber), rows)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with rows in more than one batch."""
    ledger = open_empty_ledger(tmp_path / "source.sqlite3")
    add_people(ledger, 2500)
    yield ledger
    ledger.close()


def get_url(ledger: Ledger) -> str:
    return ledger.engine.url.render_as_string(hide_password=False)


def list_people(url: str) -> list[str]:
    return read_all(url)["subscriber"]


class Broken(Exception):
    """Ends a copy in the middle."""


def break_off_at(number: int) -> Callable[[str, int, int], None]:
    """What ends a copy at the given report of its progress."""
    left = [number]

    def report(_table: str, _done: int, _total: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise Broken

    return report


def find_report_in_the_middle(source: Ledger, url: str) -> int:
    """The report after which a part of the subscribers is copied."""
    reports: list[tuple[str, int, int]] = []
    copy, _ = transfer.copy_ledger(source, url, lambda *report: reports.append(report))
    copy.close()
    return next(
        n for n, (table, done, total) in enumerate(reports, 1) if 0 < done < total and table
    )


@pytest.mark.slow
def test_a_copy_that_was_broken_off_is_no_ledger_and_goes_on(
    source: Ledger, database_url: str, tmp_path: Path
) -> None:
    middle = find_report_in_the_middle(source, f"sqlite:///{tmp_path}/other.sqlite3")
    with pytest.raises(Broken):
        transfer.copy_ledger(source, database_url, break_off_at(middle))
    service = ServiceFolder(tmp_path / "service", "")
    use_ledger(service, database_url)
    refused = service.run("status", expect=ExitStatus.DATA)
    assert "is an unfinished copy of a ledger: run `watchword migrate-to` again" in refused.stderr
    with source.writing() as connection:  # it went on meanwhile
        connection.execute(delete(subscriber).where(subscriber.c.id == 1))
        connection.execute(text("UPDATE subscriber SET hour = 8 WHERE id = 2"))
    add_people_after(source)
    copy, _ = transfer.copy_ledger(source, database_url)
    copy.close()
    assert list_people(database_url) == list_people(get_url(source))
    service.run("status", "--json", expect=None)


def add_people_after(source: Ledger) -> None:
    with source.writing() as connection:
        row = {"email": "later@demo.example", "token": "later", "zone": "UTC", "hour": 1}
        connection.execute(insert(subscriber).values(**row, created_at=MOMENT))


@pytest.mark.slow
def test_what_is_written_meanwhile_is_copied_too(source: Ledger, database_url: str) -> None:
    beside = open_ledger(get_url(source))
    written: list[str] = []

    def write_once(table: str, _done: int, _total: int) -> None:
        if table == "subscription" and not written:
            written.append(table)
            add_people_after(beside)

    copy, _ = transfer.copy_ledger(source, database_url, write_once)
    copy.close()
    beside.close()
    assert any("later@demo.example" in row for row in list_people(database_url))
    assert list_people(database_url) == list_people(get_url(source))


@pytest.mark.slow
def test_a_ledger_that_never_rests_is_not_believed_to_be_copied(
    source: Ledger, tmp_path: Path
) -> None:
    beside = open_ledger(get_url(source))

    def write(table: str, _done: int, _total: int) -> None:
        if table == "subscription":
            with beside.writing() as connection:
                connection.execute(
                    text("UPDATE subscriber SET hour = (hour + 1) % 24 WHERE id = 1")
                )

    url = f"sqlite:///{tmp_path}/copy.sqlite3"
    with pytest.raises(transfer.LedgerChanging, match="stop what serves its pages"):
        transfer.copy_ledger(source, url, write)
    beside.close()
    with pytest.raises(LedgerError, match="unfinished copy"):
        open_ledger(url)


@pytest.mark.slow
def test_numbers_of_deleted_rows_are_not_used_again(
    source: Ledger, database_url: str, tmp_path: Path
) -> None:
    with source.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO topic (kind, canonical, language_version, slug, title, created_at,"
                " matched_up_to) VALUES ('query', 'benches', 1, 'benches', 'Benches',"
                " '2026-07-16', 0)"
            )
        )
        used = connection.execute(text("SELECT max(id) FROM topic")).scalar_one()
        connection.execute(text("DELETE FROM topic"))
    copy, _ = transfer.copy_ledger(source, database_url)
    back, _ = transfer.copy_ledger(copy, f"sqlite:///{tmp_path}/back.sqlite3")
    for ledger in (copy, back):
        with ledger.writing() as connection:
            new = connection.execute(
                text(
                    "INSERT INTO topic (kind, canonical, language_version, slug, title,"
                    " created_at, matched_up_to) VALUES ('query', 'ponds', 1, 'ponds', 'Ponds',"
                    " '2026-07-16', 0) RETURNING id"
                )
            ).scalar_one()
        assert new > used
        ledger.close()


def test_a_row_that_cannot_be_copied_is_named(source: Ledger, empty_database: str) -> None:
    with source.writing() as connection:
        connection.execute(text("UPDATE subscriber SET zone = 'a' || char(0) WHERE id = 2321"))
    with pytest.raises(LedgerError, match="the row 2321 of the table subscriber cannot be copied"):
        transfer.copy_ledger(source, empty_database)


@pytest.mark.slow
def test_a_ledger_in_use_is_not_overwritten(source: Ledger, database_url: str) -> None:
    used = open_ledger(database_url)
    add_people_after(used)
    used.close()
    with pytest.raises(LedgerError, match="holds a ledger that is in use"):
        transfer.copy_ledger(source, database_url)
    assert len(list_people(database_url)) == 1


def test_a_ledger_is_not_copied_into_itself(tmp_path: Path) -> None:
    ledger = open_empty_ledger(tmp_path / "ledger.sqlite3")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(LedgerError, match="into itself"):
        transfer.copy_ledger(ledger, f"sqlite:///{tmp_path}/link/ledger.sqlite3")
    ledger.close()
    open_ledger(get_url(ledger)).close()


@pytest.mark.process
def test_a_copy_whose_process_is_killed_goes_on(empty_database: str, tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, "")
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    add_people(ledger, 10_000)
    ledger.close()
    with service.running("migrate-to", empty_database, "--progress") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "subscriber" in line)
        process.send_signal(signal.SIGKILL)
        process.wait()
    service.run("migrate-to", empty_database)
    assert list_people(empty_database) == list_people(f"sqlite:///{tmp_path}/var/ledger.sqlite3")


def test_a_password_in_the_address_is_warned_of_and_never_shown(
    empty_database: str, tmp_path: Path
) -> None:
    service = ServiceFolder(tmp_path, "")
    done = service.run("migrate-to", empty_database.replace("watchword@", "watchword:hunter2@"))
    assert "can be seen in the list of processes" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
