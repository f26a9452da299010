"""Restores as an operator makes them: nothing is sent twice, and all or nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.delivery import deliver_due
from alerts.ledger import LedgerError, open_ledger, replacement
from crawler.storage import parse_folder
from scheduler.backup import BackupOrder, make_backup, open_source
from scheduler.config import load_config
from scheduler.service import open_service
from tests.support.backed_up_service import BackedUpService, count_sent, list_backups
from tests.support.service import ServiceFolder
from tests.support.small_disk import mount_small_disk
from tests.support.smtp_server import SmtpServer, run_smtp_server

pytestmark = pytest.mark.process


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


@pytest.fixture
def service(tmp_path: Path, server: SmtpServer) -> BackedUpService:
    made = BackedUpService(tmp_path / "service", server)
    made.run("subscribe", "ada@demo.example", "benches", "--every", "immediate")
    return made


def test_nothing_is_sent_twice_after_a_restore_and_what_was_due_is_sent_once(
    service: BackedUpService, server: SmtpServer
) -> None:
    service.ask(1)
    server.script = {"MAIL": "450 later"}
    service.ask(2, deliver=False)  # it waits in the outbox of the backup
    service.run("backup", "../backups")
    server.script = {}
    service.run("deliveries", "--retry", expect=None)
    service.ask(3)
    assert count_sent(server)[3] == 1
    service.run("restore", "../backups", "--replace")
    service.ask(1, 2, 3)  # the source has them still
    service.ask(1, 2, 3, 4)
    wait_for_retry(service)
    assert count_sent(server) == {1: 1, 2: 1, 3: 1, 4: 1}
    assert set(server.message_id_counts.values()) == {1}


def wait_for_retry(service: BackedUpService) -> None:
    """Send what waits for its next attempt, as in five minutes."""
    with closing(service.ledger) as ledger, ledger.writing() as connection:
        connection.exec_driver_sql("UPDATE message SET due_at = '2020-01-01'")
    service.run("once", "--no-crawl")


def test_what_is_sent_while_a_backup_is_made_is_not_sent_again_by_it(
    service: BackedUpService, server: SmtpServer, tmp_path: Path
) -> None:
    """The sent log is copied after the ledger, here with a delivery between the two."""
    server.script = {"MAIL": "450 later"}
    service.ask(1, deliver=False)
    server.script = {}
    config_file = service.folder / "config.toml"
    config = load_config(config_file)
    delivered: list[dict[int, int]] = []

    def deliver(what: str, done: int, total: int) -> None:
        if (what, done) == ("ledger", total) and not delivered:
            opened = open_service(config)
            with opened.ledger.writing() as connection:
                connection.exec_driver_sql("UPDATE message SET due_at = '2020-01-01'")
            deliver_due(
                opened.ledger,
                config.channel_table,
                lambda: datetime.now(UTC),
                sent_log=opened.sent_log,
            )
            opened.sent_log.close()
            opened.ledger.close()
            delivered.append(dict(count_sent(server)))

    ledger, _ = open_source(config)
    order = BackupOrder(config, config_file, parse_folder(str(tmp_path / "backups")))
    make_backup(ledger, order, datetime.now(UTC), deliver)
    ledger.close()
    assert delivered == [{1: 1}]
    other = BackedUpService(tmp_path / "other", server)
    (other.folder / "var" / "ledger.sqlite3").unlink()
    other.run("restore", "../backups")  # on a machine where nothing else is left
    wait_for_retry(other)
    other.ask(1, 2)
    assert count_sent(server) == {1: 1, 2: 1}


def test_a_ledger_is_replaced_only_if_told_and_kept_aside(
    service: BackedUpService, tmp_path: Path
) -> None:
    service.run("backup", "../backups")
    service.run("subscribe", "bo@demo.example", "trams")
    refused = service.run("restore", "../backups", expect=65)
    assert "--replace moves it aside" in refused.stderr
    assert "trams" in service.run("subscriptions").stdout
    restored = service.run_json("restore", "../backups", "--replace", "--json")
    assert "trams" not in service.run("subscriptions").stdout
    former = service.folder / restored["aside"] / "ledger.sqlite3"
    with closing(open_ledger(f"sqlite:///{former}")) as ledger, ledger.reading() as connection:
        titles = connection.exec_driver_sql("SELECT title FROM topic").scalars()
        assert "trams" in set(titles)
    assert service.run("actions", "--limit", "1").stdout.split("\t")[2] == "restore"


def test_a_new_machine_gets_config_and_secrets_and_keeps_its_own(
    service: BackedUpService, tmp_path: Path
) -> None:
    service.run("backup", "../backups")
    machine = ServiceFolder(tmp_path / "machine", "", is_new=True)
    (machine.folder / "config.toml").unlink()
    (machine.folder / "secrets").mkdir()
    (machine.folder / "secrets" / "operator").write_text("another password of sixteen\n")
    done = machine.run("restore", "../backups")
    assert "added: config.toml" in done.stdout
    assert "another" in (machine.folder / "secrets" / "operator").read_text()
    assert "benches" in machine.run("subscriptions").stdout


def test_a_ledger_that_is_in_use_is_not_replaced(service: BackedUpService) -> None:
    service.run("backup", "../backups")
    with replacement.lock_file(service.folder / "var" / "ledger.sqlite3"):
        refused = service.run("restore", "../backups", "--replace", expect=75)
    assert "stop it first; nothing was done" in refused.stderr
    service.run("restore", "../backups", "--replace")


def test_a_restore_that_was_broken_off_is_finished(service: BackedUpService) -> None:
    """As by `kill -9` between two of its moves: the former ledger is aside, the new one not yet."""
    service.run("backup", "../backups")
    service.run("subscribe", "bo@demo.example", "trams")
    ledger = service.folder / "var" / "ledger.sqlite3"
    new = ledger.with_name("new.sqlite3")
    new.write_bytes((list_backups(service.folder.parent / "backups")[0] / ledger.name).read_bytes())
    aside = ledger.parent / "replaced"
    replacement.replace_file(new, ledger, aside)
    plan = ledger.with_name("ledger.sqlite3.restoring")
    assert not plan.exists()
    ledger.rename(new)  # as if the last move had not been made
    plan.write_text(f'{{"moves": [["{ledger}", "{aside / ledger.name}"], ["{new}", "{ledger}"]]}}')
    for command in ("subscriptions", "status", "once"):
        refused = service.run(command, expect=65)
        assert "was broken off: run `watchword restore` again" in refused.stderr
    with pytest.raises(LedgerError, match="broken off"):
        open_ledger(f"sqlite:///{ledger}")
    service.run("restore", "../backups")
    assert "benches" in service.run("subscriptions").stdout
    assert "trams" not in service.run("subscriptions").stdout


def test_a_trial_never_reaches_the_files_of_the_service(
    service: BackedUpService, tmp_path: Path
) -> None:
    """Absolute paths and stores in its config lead below its own folder."""
    config = service.folder / "config.toml"
    places = {name: tmp_path / "state" / name for name in ("ledger.sqlite3", "sent", "feeds", "op")}
    (tmp_path / "state").mkdir()
    (service.folder / "var" / "ledger.sqlite3").rename(places["ledger.sqlite3"])
    (service.folder / "secrets" / "operator").rename(places["op"])
    text = config.read_text().replace('"secrets/operator"', f'"{places["op"]}"')
    config.write_text(
        f"""{text}
[ledger]
url = "sqlite:///{places["ledger.sqlite3"]}"
sent_log = '{places["sent"]}'
compiled = "s3://service/topics"
[feeds]
path = "{places["feeds"]}"
"""
    )
    service.ask(1)
    service.run("backup", "../backups")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "state").rglob("*")}
    trial = ServiceFolder(tmp_path / "elsewhere", "")
    trial.run("restore", "../backups", "--to", "trial")
    trial.folder = tmp_path / "elsewhere" / "trial"
    moved = (trial.folder / "config.toml").read_text()
    assert str(tmp_path) not in moved
    assert "s3://" not in moved
    assert "benches" in trial.run("subscriptions").stdout
    trial.run("once", "--no-crawl")
    assert (trial.folder / "var" / "feeds").is_dir()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "state").rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["../nowhere"], "there is no backup in ../nowhere"),
        (["../backups", "--ledger", "postgresql://h/d"], "--ledger needs --to"),
        (["../backups", "--to", "x", "--replace"], "exclude each other"),
        (["../backups", "--to", "."], "is not an empty folder"),
        (["../backups", "--to", "x", "--ledger", "postgresql://h/d"], "needs no --ledger"),
    ],
)
def test_what_cannot_be_restored_is_one_line(
    service: BackedUpService, arguments: list[str], says: str
) -> None:
    service.run("backup", "../backups")
    failed = service.run("restore", *arguments, expect=None)
    assert failed.returncode in {64, 65}
    assert says in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_backup_of_a_newer_version_is_refused(service: BackedUpService) -> None:
    service.run("backup", "../backups")
    [backup] = list_backups(service.folder.parent / "backups")
    manifest = backup / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": "0', '"schema": "9'))
    failed = service.run("restore", "../backups", "--replace", expect=65)
    assert "does not know: install that version" in failed.stderr
    manifest.write_text(manifest.read_text().replace('"form": 1', '"form": 2'))
    assert "a newer watchword made it" in service.run("restore", "../backups", expect=65).stderr


@pytest.mark.parametrize("where", [("--to", "../disk/trial"), ("--config", "../disk/config.toml")])
def test_a_restore_onto_a_full_disk_is_one_line_and_can_be_run_again(
    service: BackedUpService, tmp_path: Path, where: tuple[str, str]
) -> None:
    service.run("backup", "../backups")
    with mount_small_disk(tmp_path / "disk") as resize:
        failed = service.run("restore", "../backups", *where, expect=75)
        [line] = failed.stderr.splitlines()
        assert "the backup was not restored" in line
        assert "full" in line or "No space" in line
        left = {path.name for path in (tmp_path / "disk").rglob("*") if path.is_file()}
        assert not left & {"config.toml", "ledger.sqlite3"}
        resize("8m")
        service.run("restore", "../backups", *where)
        [restored] = (tmp_path / "disk").rglob("captures")
        whole = service.folder / "var" / "captures"
        assert read_folder(restored) == read_folder(whole) != {}


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
