"""What is wrong with files, clock and rounds is named, and what the advice says ends it."""

from __future__ import annotations

import struct
import subprocess
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from alerts.ledger import jobs, open_ledger
from tests.scheduler.doctor.conftest import ExaminedService
from tests.support.raw_server import NO_ROBOTS, serve_raw
from tests.support.small_disk import mount_small_disk

pytestmark = pytest.mark.process


def test_a_secret_that_others_can_read(examined: ExaminedService) -> None:
    key = examined.service.folder / "dkim.pem"
    assert examined.find("files.secrets").state == "ok"
    key.chmod(0o644)
    found = examined.find("files.secrets")
    assert found.state == "failed"
    assert f"{key} can be read by other users of this machine" in found.detail
    assert found.advice is not None
    subprocess.run(["/bin/sh", "-c", found.advice], check=True)
    assert examined.find("files.secrets").state == "ok"


def test_a_folder_that_cannot_be_written(examined: ExaminedService, tmp_path: Path) -> None:
    with mount_small_disk(tmp_path / "disk") as resize:
        config = tmp_path / "config.toml"
        config.write_text(f'{config.read_text()}\n[archive]\npath = "disk/captures"\n')
        resize("1g,ro")  # a disk that may only be read: root is stopped too
        [found] = [one for one in examined.examine("files.folders") if one.state == "failed"]
        assert "disk/captures cannot be written by this user" in found.detail
        assert "chown it, or run as the owner of" in str(found.advice)
        resize("2g,rw")
        assert {one.state for one in examined.examine("files.folders")} == {"ok"}


@pytest.mark.parametrize(("size", "state"), [("64k", "failed"), ("500m", "warning"), ("2g", "ok")])
def test_the_room_on_a_disk(
    examined: ExaminedService, tmp_path: Path, size: str, state: str
) -> None:
    with mount_small_disk(tmp_path / "disk") as resize:
        resize(size)
        config = tmp_path / "config.toml"
        config.write_text(f'{config.read_text()}\n[archive]\npath = "disk/captures"\n')
        [found] = [one for one in examined.examine("files.folders") if "/disk" in one.detail]
        assert (found.check, found.state) == ("files.disk", state)
        assert " GB free at " in found.detail
        if state != "ok":
            assert "archive.max_gigabytes limits the captures" in str(found.advice)


@pytest.mark.parametrize(("minutes", "state"), [(0, "ok"), (5, "failed"), (-5, "failed")])
def test_the_clock_against_that_of_a_source(
    examined: ExaminedService, minutes: int, state: str
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    date = f"Date: {format_datetime(moment, usegmt=True)}\r\n\r\n".encode()
    with serve_raw(lambda _: b"", NO_ROBOTS.replace(b"\r\n\r\n", b"\r\n" + date)) as url:
        examined.edit_config('"http://127.0.0.1:1"\nenabled = false', f'"{url}"')
        found = examined.find("clock.servers")
    assert found.state == state
    if state == "failed":
        assert "let this machine ask a time server" in str(found.advice)
        assert "it differs from that of 127.0.0.1 by 0:0" in found.detail


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[Path]:
    """A folder of time zones that is used in place of the system's."""
    folder = tmp_path / "zones"
    (folder / "Europe").mkdir(parents=True)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([folder])
    zoneinfo.ZoneInfo.clear_cache()
    yield folder
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


#: A file of a zone (RFC 9636) that is UTC for ever.
UTC_FILE = struct.pack(">4sc15x6L", b"TZif", b"\0", 0, 0, 0, 0, 1, 4) + struct.pack(
    ">lBB4s", 0, 0, 0, b"UTC\0"
)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (UTC_FILE, "Europe/London has no summer time"),
        (b"nonsense", "Europe/London cannot be read"),
    ],
)
def test_zones_that_are_nonsense(
    examined: ExaminedService, zones: Path, content: bytes, detail: str
) -> None:
    (zones / "Europe" / "London").write_bytes(content)
    (zones / "UTC").write_bytes(UTC_FILE)  # that of the digests: another one stops every command
    examined.edit_config("batch_minutes = 0", 'batch_minutes = 0\nzone = "UTC"')
    found = examined.find("clock.zones")
    assert found.state == "failed"
    assert detail in found.detail
    assert "reinstall the tzdata of the system" in str(found.advice)
    for folder in ("/usr/share/zoneinfo", "/usr/lib/zoneinfo"):
        if (system := Path(folder, "Europe", "London")).exists():
            (zones / "Europe" / "London").write_bytes(system.read_bytes())
            zoneinfo.ZoneInfo.clear_cache()
            assert examined.find("clock.zones").state == "ok"


def test_rounds_that_come_no_more(examined: ExaminedService, tmp_path: Path) -> None:
    [first] = examined.examine("runs.status")
    assert (first.state, first.detail) == ("warning", "the service: no round has been run yet")
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    long_ago = datetime.now(UTC) - timedelta(hours=40)
    with ledger.writing() as connection:
        jobs.begin(connection, "round", long_ago)
        jobs.end_well(connection, "round", long_ago)
    ledger.close()
    [found] = examined.examine("runs.status")
    assert (found.state, found.detail) == (
        "failed",
        "the service: no round has been run for long",
    )
    assert found.advice == "is `watchword run` running, or `watchword once` by cron?"
    examined.service.run("once", "--no-crawl")
    assert examined.find("runs.status").state == "ok"


def test_rounds_are_not_looked_at_without_a_ledger(
    examined: ExaminedService, tmp_path: Path
) -> None:
    (tmp_path / "var" / "ledger.sqlite3").unlink()
    assert examined.find("runs.status").state == "skipped"
