"""``kill -9`` while a backup or a restore is made: nothing half looks whole."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from tests.support.backed_up_service import BackedUpService, list_backups
from tests.support.smtp_server import run_smtp_server

#: Kills of each kind.
KILLS = 4


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a service with a backup beside it."""
    folder = tmp_path_factory.mktemp("killed")
    with run_smtp_server() as server:
        service = BackedUpService(folder / "service", server)
    service.run("subscribe", "ada@demo.example", "benches")
    service.run("backup", "../backups")
    service.run("subscribe", "bo@demo.example", "trams")
    return folder


@pytest.fixture
def service(baseline: Path, tmp_path: Path) -> BackedUpService:
    shutil.copytree(baseline, tmp_path, dirs_exist_ok=True)
    made = BackedUpService.__new__(BackedUpService)
    made.folder = tmp_path / "service"
    return made


def kill_after(service: BackedUpService, seconds: float, *arguments: str) -> None:
    """Start a command and kill it after some seconds, unless it has ended."""
    with service.running(*arguments) as process:
        time.sleep(seconds)
        process.kill()
        process.wait()


def test_a_killed_backup_is_none(service: BackedUpService, tmp_path: Path) -> None:
    began = time.monotonic()
    service.run_process("backup", "../backups")
    whole = time.monotonic() - began
    draw = random.Random(1)  # noqa: S311  # moments, not secrets
    for _ in range(KILLS):
        kill_after(service, draw.uniform(0.3, 1) * whole, "backup", "../backups")
        for backup in list_backups(tmp_path / "backups")[-1:]:
            if not backup.name.startswith("."):
                service.run("restore", f"../backups/{backup.name}", "--dry-run")
    service.run("backup", "../backups", "--keep", "2")
    left = list_backups(tmp_path / "backups")
    assert len(left) == 2
    assert not any(path.name.startswith(".") for path in left)


def test_a_killed_restore_has_done_all_or_nothing(service: BackedUpService) -> None:
    began = time.monotonic()
    service.run_process("restore", "../backups", "--replace")
    whole = time.monotonic() - began
    draw = random.Random(2)  # noqa: S311  # moments, not secrets
    for number in range(KILLS):
        topic = f"word{number}"
        service.run("subscribe", "cy@demo.example", topic)
        kill_after(service, draw.uniform(0.3, 1) * whole, "restore", "../backups", "--replace")
        plan = service.folder / "var" / "ledger.sqlite3.restoring"
        if plan.exists():
            service.run("subscriptions", expect=65)
            service.run("restore", "../backups")
        shown = service.run("subscriptions").stdout
        assert "benches" in shown
        was_restored = topic not in shown
        assert not (was_restored and "word" in shown)
    service.run("restore", "../backups", "--replace")
    assert not list((service.folder / "var").glob(".restore-*"))
