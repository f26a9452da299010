"""Backups of a service on SQLite: made while it works, verified, rotated, never half."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import Ledger, jobs, open_ledger
from alerts.recording import QuestionReading, RecordingRules, record_readings
from crawler.storage import LocalFolder, parse_folder
from scheduler.backup import BackupOrder, find_backup, make_backup
from scheduler.backup.errors import BackupDamaged
from scheduler.backup.place import BackupPlace
from scheduler.backup.rotation import delete_old_backups
from scheduler.config import load_config
from tests.support import old_ledgers
from tests.support.backed_up_service import (
    IMAP_PASSWORD,
    PASSWORD,
    BackedUpService,
    list_backups,
    read_manifest,
)
from tests.support.object_store import run_object_store
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.small_disk import fill, mount_small_disk
from tests.support.smtp_server import SmtpServer, run_smtp_server

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, server: SmtpServer) -> BackedUpService:
    return BackedUpService(tmp_path / "service", server)


def test_a_backup_restores_everything_into_another_folder(
    service: BackedUpService, tmp_path: Path
) -> None:
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    service.ask(1, 2)
    made = service.run_json("backup", "../backups", "--json")
    before = service.read_state()
    assert (made["captures"], made["left_out"]) == (1, [])
    assert made["rows"] + 1 == sum(before.rows.values())  # the job that it was noted as
    trial = ServiceFolder(tmp_path / "elsewhere", "")
    restored = trial.run_json("restore", "../backups", "--to", "trial", "--json")
    assert restored["restored"]
    folder = tmp_path / "elsewhere" / "trial"
    assert (folder / "config.toml").read_text() == (service.folder / "config.toml").read_text()
    assert (folder / "secrets" / "operator").read_text() == f"{PASSWORD}\n"
    assert (folder / "var/captures/london-20260716T120000-7.warc.gz").read_bytes() == b"one page"
    for path in ("config.toml", "secrets/operator", "var/ledger.sqlite3", "var/sent/sent.sqlite3"):
        assert stat.S_IMODE((folder / path).stat().st_mode) == 0o600
    assert not (folder / "var" / "feeds").exists()  # they are made anew
    copy = open_ledger(f"sqlite:///{folder / 'var' / 'ledger.sqlite3'}")
    with copy.reading() as connection:
        for name in ("question", "change", "message", "digest_item", "subscriber", "secret"):
            [[rows]] = connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"')  # noqa: S608
            assert rows == before.rows[name] > 0
    copy.close()
    assert "restore" in service_actions(folder)
    assert not list((tmp_path / "elsewhere").glob(".restore-*"))


def service_actions(folder: Path) -> str:
    """What the operator did, as a restored service says."""
    trial = ServiceFolder.__new__(ServiceFolder)
    trial.folder = folder
    return trial.run("actions").stdout


def record_for_ever(ledger: Ledger, ended: threading.Event, written: list[int]) -> None:
    """Write questions, one transaction each."""
    number = 0
    while not ended.is_set():
        number += 1
        new = QuestionReading(make_question(number, make_answer("Benches.")))
        with ledger.writing() as connection:
            record_readings(connection, [new], datetime.now(UTC), RecordingRules())
        written.append(number)


def test_backups_in_a_loop_are_each_consistent_while_others_write(
    service: BackedUpService, tmp_path: Path
) -> None:
    """No writer waits for them; a question is never without the changes of its transaction."""
    service.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    ended, written = threading.Event(), list[int]()
    writing = service.ledger
    thread = threading.Thread(target=record_for_ever, args=(writing, ended, written))
    thread.start()
    counts = []
    try:
        for _ in range(6):
            service.run("backup", "../backups")
            backup = list_backups(tmp_path / "backups")[-1]
            with closing(sqlite3.connect(backup / "ledger.sqlite3")) as copy:
                asked = "SELECT count(*) FROM question"
                broken = (
                    "SELECT count(*) FROM question q WHERE NOT EXISTS"
                    " (SELECT 1 FROM change c WHERE c.question_id = q.id)"
                )
                counts.append(copy.execute(asked).fetchone()[0])
                assert copy.execute(broken).fetchone() == (0,)
                assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
            assert read_manifest(backup).ledger.rows["question"] == counts[-1]
    finally:
        ended.set()
        thread.join()
        writing.close()
    assert counts == sorted(counts)
    assert len(set(counts)) == len(counts)  # somebody wrote between each two
    for backup in list_backups(tmp_path / "backups"):
        service.run("restore", f"../backups/{backup.name}", "--dry-run")


def test_a_ledger_of_an_older_schema_is_backed_up_as_it_is(tmp_path: Path) -> None:
    """And upgraded when it is restored: this is how to go back after an upgrade."""
    service = ServiceFolder(tmp_path, "", is_new=True)
    (tmp_path / "var").mkdir()
    path = tmp_path / "var" / "ledger.sqlite3"
    old_ledgers.load_sqlite("0006", path)
    made = service.run("backup", "backups")
    assert "older schema: it is backed up as it is" in made.stderr
    backup = list_backups(tmp_path / "backups")[0]
    for file in (path, backup / "ledger.sqlite3"):
        with closing(sqlite3.connect(file)) as ledger:
            assert ledger.execute("SELECT version_num FROM alembic_version").fetchone() == ("0006",)
    restored = service.run_json("restore", "backups", "--replace", "--json")
    assert restored["schema"] > "0033"
    assert "fountains" not in service.run("subscriptions").stderr
    assert len(service.run("subscriptions").stdout.splitlines()) > 1


def test_what_is_backed_up_already_is_not_copied_again(
    service: BackedUpService, tmp_path: Path
) -> None:
    stored = tmp_path / "backups" / "captures"
    service.run("backup", "../backups")
    [first] = stored.iterdir()
    before = first.stat().st_mtime_ns
    grown = service.add_capture("london-20260716T120000-7.warc.gz", b"one page, and another")
    service.add_capture("london-20260717T120000-7.warc.gz", b"new")
    service.run("backup", "../backups")
    assert len(list(stored.iterdir())) == 3
    assert first.stat().st_mtime_ns == before
    old, new = list_backups(tmp_path / "backups")
    for backup, size in ((old, 8), (new, grown.stat().st_size)):
        assert read_manifest(backup).captures[0].hash.size == size
        service.run("restore", f"../backups/{backup.name}", "--dry-run")
    service.run("backup", "../backups", "--keep", "1")
    assert len(list_backups(tmp_path / "backups")) == 1
    assert len(list(stored.iterdir())) == 2  # the shorter one belonged to a backup that is gone


def test_rotation_counts_good_backups_only(service: BackedUpService, tmp_path: Path) -> None:
    for _ in range(4):
        service.run("backup", "../backups")
    place = BackupPlace(LocalFolder(tmp_path / "backups"))
    first, second, third, fourth = list_backups(place.folder.path or tmp_path)
    (fourth / "ledger.sqlite3").unlink()
    (third / "manifest.json").write_text("{")
    now = datetime.now(UTC)
    assert delete_old_backups(place, 1, now) == [first.name]
    assert list_backups(tmp_path / "backups") == [second, third, fourth]
    assert list((tmp_path / "backups" / "captures").iterdir())  # the third may have named some
    (second / "sent.sqlite3").unlink()
    assert delete_old_backups(place, 1, now) == []


def test_secrets_can_be_left_out(service: BackedUpService, tmp_path: Path) -> None:
    made = service.run("backup", "../backups", "--without-secrets")
    assert "not in the backup: secrets/operator" in made.stderr
    for path in (tmp_path / "backups").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
        assert not path.is_file() or IMAP_PASSWORD.encode() not in path.read_bytes()
    [backup] = list_backups(tmp_path / "backups")
    assert 'password = "REMOVED"' in (backup / "config.toml").read_text()
    assert "operator" in read_manifest(backup).left_out[0]


@pytest.mark.parametrize("part", ["ledger.sqlite3", "sent.sqlite3", "config.toml", "captures"])
def test_a_damaged_backup_is_not_restored(
    service: BackedUpService, tmp_path: Path, part: str
) -> None:
    service.run("backup", "../backups")
    [backup] = list_backups(tmp_path / "backups")
    wanted = next((backup.parent / part).iterdir()) if part == "captures" else backup / part
    content = bytearray(wanted.read_bytes())
    content[-1] ^= 1
    wanted.write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in service.folder.rglob("*")}
    failed = service.run("restore", "../backups", "--dry-run", expect=65)
    assert "is damaged: it is not what was backed up" in failed.stderr
    failed = service.run("restore", "../backups", "--to", "../trial", expect=65)
    assert len(failed.stderr.splitlines()) == 1
    assert not (tmp_path / "trial").exists()
    assert {path: path.stat().st_mtime_ns for path in service.folder.rglob("*")} == before


def test_a_damaged_ledger_makes_no_backup(service: BackedUpService, tmp_path: Path) -> None:
    service.ask(*range(40))
    service.run("backup", "../backups")
    path = service.folder / "var" / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [root] = ledger.execute(
            "SELECT rootpage FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_question_1'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek(root * 4096 - 600)  # the keys are at the end of a page
        file.write(bytes(500))
    opened = Ledger.open_for_reading(f"sqlite:///{path}")
    order = BackupOrder(
        config=load_config(service.folder / "config.toml"),
        config_file=None,
        target=parse_folder(str(tmp_path / "backups")),
    )
    with pytest.raises(BackupDamaged, match="damaged"):
        make_backup(opened, order, datetime.now(UTC))
    opened.close()
    assert len(list_backups(tmp_path / "backups")) == 1


def test_a_full_disk_is_one_line_and_older_backups_stay(
    service: BackedUpService, tmp_path: Path
) -> None:
    with mount_small_disk(tmp_path / "disk") as resize:
        resize("4m")
        service.run("backup", "../disk/backups")
        filler = fill(tmp_path / "disk")
        before = [(path, path.stat().st_size) for path in (tmp_path / "disk/backups").rglob("*")]
        failed = service.run("backup", "../disk/backups", "--keep", "1", expect=75)
        [line] = failed.stderr.splitlines()
        assert "the backup was not made" in line
        assert "full" in line or "No space" in line
        assert [(p, p.stat().st_size) for p in (tmp_path / "disk/backups").rglob("*")] == before
        assert "the job “backup” fails" in service.run("status", expect=1).stdout
        filler.unlink()
        service.run("backup", "../disk/backups", "--keep", "1")
        assert len(list_backups(tmp_path / "disk" / "backups")) == 1
        assert "backup" not in service.run("status", expect=None).stdout.split("backups:")[1]


def test_backups_in_an_object_store(service: BackedUpService, tmp_path: Path) -> None:
    service.add_capture("london-20260717T120000-7.warc.gz", b"new")
    with run_object_store("safe"):
        for _ in range(3):
            service.run("backup", "s3://safe/watchword", "--keep", "2")
        found = parse_folder("s3://safe/watchword")
        assert len(found.list_folders()) == 3  # two backups, and captures
        half = found.enter("watchword-20991231T000000Z")
        half.write("ledger.sqlite3", b"the rest was never sent")
        service.run("restore", "s3://safe/watchword", "--dry-run")
        newest = found.list_folders()[-2]
        service.run("restore", f"s3://safe/watchword/{newest}", "--to", "../trial")
        assert len(list((tmp_path / "trial" / "var" / "captures").iterdir())) == 2
        place = BackupPlace(found)
        assert delete_old_backups(place, 2, datetime.now(UTC)) == []
        assert half.find("ledger.sqlite3")  # it may still be on its way
        delete_old_backups(place, 2, datetime.now(UTC) + timedelta(days=3))
        assert not half.find("ledger.sqlite3")
        assert find_backup("s3://safe/watchword").manifest.name == newest


def test_two_backups_into_one_folder_exclude_each_other(
    service: BackedUpService, tmp_path: Path
) -> None:
    with BackupPlace(LocalFolder(tmp_path / "backups")).lock():
        failed = service.run("backup", "../backups", expect=75)
    assert "another backup is being made" in failed.stderr


def set_last_backup(service: BackedUpService, age: timedelta) -> None:
    """Let the last good backup have been made some time ago."""
    ledger = service.ledger
    with ledger.writing() as connection:
        then = datetime.now(UTC) - age
        connection.exec_driver_sql("DELETE FROM job WHERE name = 'backup'")
        jobs.begin(connection, "backup", then)
        jobs.end_well(connection, "backup", then)
    ledger.close()


def expect_backups(service: BackedUpService) -> None:
    config = service.folder / "config.toml"
    more = '[backup]\nmax_age_days = 1.5\n[operator]\nemail = "ada@demo.example"\n'
    config.write_text(config.read_text() + more)


def read_subjects(server: SmtpServer) -> list[str]:
    """What the operator was sent since the last look."""
    found = [str(message["Subject"]) for message in server.parsed_messages]
    server.messages.clear()
    return found


def test_the_status_knows_the_last_good_backup(service: BackedUpService) -> None:
    expect_backups(service)
    assert "no backup has been made yet" in service.run("status", expect=75).stdout
    service.run("backup", "../backups")
    shown = service.run("status", expect=75).stdout
    assert "backups: last good one 20" in shown
    assert "no backup" not in shown
    set_last_backup(service, timedelta(days=2))
    assert "no backup has been made for long" in service.run("status", expect=1).stdout


def test_an_overdue_backup_alarms_the_operator_until_one_is_made(
    service: BackedUpService, server: SmtpServer
) -> None:
    expect_backups(service)
    set_last_backup(service, timedelta(days=1))
    server.messages.clear()
    service.run("once", "--no-crawl")
    assert read_subjects(server) == []
    set_last_backup(service, timedelta(days=2))
    service.run("once", "--no-crawl")
    service.run("once", "--no-crawl")
    [subject] = read_subjects(server)
    assert "no backup has been made for long" in subject
    shown = service.run("status", expect=1).stdout
    assert shown.count("no backup has been made for long") == 1
    assert "`backup.max_age_days` allows 1.5 days" in shown
    service.run("backup", "../backups")
    service.run("once", "--no-crawl")
    [subject] = read_subjects(server)
    assert subject == "the service: alarm cleared"
    assert "no backup" not in service.run("status", expect=0).stdout


def test_a_failed_backup_alarms_the_operator_at_once(
    service: BackedUpService, server: SmtpServer, tmp_path: Path
) -> None:
    expect_backups(service)
    server.messages.clear()
    with BackupPlace(LocalFolder(tmp_path / "backups")).lock():
        service.run("backup", "../backups", expect=75)
    service.run("once", "--no-crawl")
    [subject] = read_subjects(server)
    assert "backup" in subject
    assert "another backup is being made" in service.run("status", expect=1).stdout
