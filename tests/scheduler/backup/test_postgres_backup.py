"""Backups of a ledger on PostgreSQL, by pg_dump and pg_restore, and what stands in their way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.ledger import open_ledger, operator_actions, snapshots
from alerts.ledger.table_differences import open_snapshot
from alerts.recording import QuestionReading, RecordingRules, record_readings
from scheduler.backup.errors import BackupDamaged, ProgramMissing
from scheduler.backup.postgres_programs import count_dumped_rows, find_program
from tests.support.backed_up_service import (
    BackedUpService,
    count_sent,
    list_backups,
    read_manifest,
)
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer, run_smtp_server


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


@pytest.fixture
def url(postgres_server: str) -> Iterator[str]:
    with create_database(postgres_server, EMPTY_LEDGER) as made:
        yield made


@pytest.fixture
def empty_url(postgres_server: str) -> Iterator[str]:
    with create_database(postgres_server, "template1") as made:
        yield made


@pytest.fixture
def service(tmp_path: Path, server: SmtpServer, url: str) -> BackedUpService:
    made = BackedUpService(tmp_path / "service", server, url)
    made.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    return made


def write_for_ever(url: str, ended: threading.Event) -> None:
    ledger = open_ledger(url)
    for number in range(1000, 100_000):
        if ended.is_set():
            break
        new = QuestionReading(make_question(number, make_answer("Benches.")))
        with ledger.writing() as connection:
            record_readings(connection, [new], datetime.now(UTC), RecordingRules())
    ledger.close()


def test_a_restored_database_sends_nothing_twice(
    service: BackedUpService, server: SmtpServer, tmp_path: Path, url: str, empty_url: str
) -> None:
    """The dump is compared with the ledger at its moment, although others write on."""
    service.ask(1)
    ended = threading.Event()
    thread = threading.Thread(target=write_for_ever, args=(url, ended))
    thread.start()
    service.run("backup", "../backups")
    ended.set()
    thread.join()
    [backup] = list_backups(tmp_path / "backups")
    held = read_manifest(backup).ledger
    assert held.rows["change"] >= held.rows["question"] > 1
    assert "rate_count" not in held.rows
    service.ask(2)
    before = count_sent(server)
    assert before[2] == 1
    config = service.folder / "config.toml"
    config.write_text(config.read_text().replace(url, empty_url))
    service.run("restore", "../backups")
    service.ask(1, 2, 3)
    after = count_sent(server)
    assert (after[1], after[2], after[3]) == (1, 1, 1)
    ledger = open_ledger(empty_url)
    with ledger.reading() as connection:
        state = snapshots.read_state(connection)
        assert operator_actions.list_newest(connection, 100, backup.name)[0].action == "restore"
    ledger.close()
    assert state.rows["subscriber"] == held.rows["subscriber"]
    refused = service.run("restore", "../backups", "--replace", expect=65)
    assert "is not empty (it has a table acronym)" in refused.stderr


def test_a_trial_has_a_database_of_its_own(
    service: BackedUpService, tmp_path: Path, url: str, empty_url: str
) -> None:
    service.run("backup", "../backups")
    trial = ServiceFolder(tmp_path / "elsewhere", "")
    failed = trial.run("restore", "../backups", "--to", "trial", expect=65)
    assert "name an empty database with --ledger URL" in failed.stderr
    failed = trial.run("restore", "../backups", "--to", "trial", "--ledger", url, expect=65)
    assert "is not empty" in failed.stderr
    assert not (trial.folder / "trial").exists()
    done = trial.run("restore", "../backups", "--to", "trial", "--ledger", empty_url)
    assert f"ledger: {empty_url}" in done.stdout
    trial.folder = trial.folder / "trial"
    assert f'url = "{empty_url}"' in (trial.folder / "config.toml").read_text()
    assert "benches" in trial.run("subscriptions").stdout


def test_a_dump_that_is_cut_off_is_no_backup(service: BackedUpService, tmp_path: Path) -> None:
    service.run("backup", "../backups")
    [backup] = list_backups(tmp_path / "backups")
    dump = backup / "ledger.dump"
    program = find_program("pg_restore", 1)
    assert count_dumped_rows(program, dump)["subscriber"] == 1
    dump.write_bytes(dump.read_bytes()[:-5000])
    with pytest.raises(BackupDamaged, match=r"ledger\.dump is damaged"):
        count_dumped_rows(program, dump)


@pytest.mark.process
def test_a_program_that_is_missing_or_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProgramMissing, match="install postgresql-client-99 "):
        find_program("pg_dump", 99)
    with pytest.raises(ProgramMissing, match="pg_dumb is not installed, and the server is"):
        find_program("pg_dumb", 15)
    old = tmp_path / "pg_dumb"
    old.write_text("#!/bin/sh\necho 'pg_dumb (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ProgramMissing, match="only pg_dumb 9 is installed"):
        find_program("pg_dumb", 15)


@pytest.mark.postgres
def test_a_snapshot_does_not_change(url: str) -> None:
    """Also where others commit between two of its statements."""
    with closing(open_ledger(url)) as ledger, open_snapshot(ledger) as connection:
        before = snapshots.read_state(connection)
        with ledger.writing() as other:
            new = QuestionReading(make_question(1))
            record_readings(other, [new], datetime.now(UTC), RecordingRules())
        assert snapshots.read_state(connection) == before
