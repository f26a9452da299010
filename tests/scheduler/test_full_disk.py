"""Real disks that are full, or may only be read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler.records import encode_record
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

TOPICS = "".join(f'[[topics]]\nquery = "benches OR word{number}"\n' for number in range(40))
QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
CONFIG = f"""
{QUIET}
[feeds]
path = "disk/feeds"
{TOPICS}
"""


@pytest.fixture
def resize_disk(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """A small disk at ``disk``, and what sets its size."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> int:
        command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    if mount("size=64k"):
        pytest.skip("a disk can be mounted by root only")

    def resize(size: str) -> None:
        assert mount(f"remount,size={size}") == 0

    yield resize
    subprocess.run(["/bin/umount", str(disk)], check=True)


def test_a_ledger_on_a_read_only_disk_can_be_searched(
    tmp_path: Path, resize_disk: Callable[[str], None]
) -> None:
    resize_disk("20m")
    config = QUIET + '[ledger]\nurl = "sqlite:///disk/ledger.sqlite3"\nsent_log = "disk/sent"\n'
    service = ServiceFolder(tmp_path, config)
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run_process("ingest", "--as-new", "records.jsonl")
    resize_disk("20m,ro")
    assert "1 question" in service.run_process("search", "benches").stdout
    service.run_process("preview", "benches")
    service.run_process("subscriptions")
    assert "Status: well" in service.run_process("status").stdout
    done = service.run_process("subscribe", "vera@demo.example", "benches", expect=65)
    assert len(done.stderr.splitlines()) == 1


def test_feeds_on_a_full_disk_are_one_line_and_hold_up_no_mail(
    tmp_path: Path, resize_disk: Callable[[str], None]
) -> None:
    service = ServiceFolder(tmp_path, CONFIG)
    record = make_question(1, make_answer("There are more benches."))
    (tmp_path / "records.jsonl").write_bytes(encode_record(record))
    service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
    done = service.run("ingest", "--as-new", "records.jsonl", expect=1)
    [line] = done.stderr.splitlines()
    assert " feeds not written: " in line
    assert line.endswith("disk/feeds: No space left on device")
    assert len(service.emails) == 1
    assert not list((tmp_path / "disk" / "feeds").glob(".*.new"))
    service.run("once", expect=1)
    assert "publish" in service.run("status", expect=1).stdout
    resize_disk("20m")
    service.run("once")
    service.run("once")
    assert service.run("status").stdout.endswith("Status: well\n")
    assert len(list((tmp_path / "disk" / "feeds").glob("*.atom.xml"))) == 42
    assert len(service.emails) == 1
