"""Real disks that are full, or may only be read."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.ledger import open_ledger
from alerts.ledger.schema import alarm
from crawler.records import encode_record
from tests.support.paths import WATCHWORD_COMMAND
from tests.support.samples import make_answer, make_question
from tests.support.service import (
    ServiceFolder,
    build_config,
    count_sent_links,
    get_plain_text,
    run_replica,
)
from tests.support.small_disk import fill, mount_small_disk

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
    with mount_small_disk(tmp_path / "disk") as resize:
        yield resize


def test_a_ledger_on_a_read_only_disk_can_be_searched(
    tmp_path: Path, resize_disk: Callable[[str], None]
) -> None:
    resize_disk("20m")
    service = ServiceFolder(tmp_path, QUIET + LEDGER_ON_DISK)
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


LEDGER_ON_DISK = '[ledger]\nurl = "sqlite:///disk/ledger.sqlite3"\nsent_log = "disk/sent"\n'


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition holds; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.2)


def ask(service: ServiceFolder, number: int, expect: int = 0) -> str:
    """Ingest a question that the subscriber is told of; return the lines on standard error."""
    record = make_question(number, make_answer("There are more benches."))
    (service.folder / "records.jsonl").write_bytes(encode_record(record))
    return service.run("ingest", "--as-new", "records.jsonl", expect=expect).stderr


def count_sent(service: ServiceFolder) -> Counter[str]:
    """How often each question was sent."""
    lines = [line for mail in service.emails for line in get_plain_text(mail).splitlines()]
    return Counter(line for line in lines if line.startswith("https://replica.example/questions/"))


def test_a_ledger_on_a_full_disk_is_one_line_and_loses_nothing(
    tmp_path: Path, resize_disk: Callable[[str], None]
) -> None:
    resize_disk("20m")
    service = ServiceFolder(tmp_path, QUIET + LEDGER_ON_DISK)
    service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
    ask(service, 1)
    filler = fill(tmp_path / "disk")
    for _ in range(2):
        done = service.run("once", "--no-crawl", expect=75)
        [line] = done.stderr.splitlines()
        assert "full" in line
    [line] = ask(service, 2, expect=75).splitlines()
    assert "full" in line
    assert "disk is full" in service.run("status", expect=1).stdout
    filler.unlink()
    ask(service, 2)
    service.run("once", "--no-crawl")
    assert service.run("status").stdout.endswith("Status: well\n")
    assert set(count_sent(service).values()) == {1}
    assert len(count_sent(service)) == 2


def test_a_daemon_on_a_full_disk_goes_on_when_there_is_room(
    tmp_path: Path, resize_disk: Callable[[str], None]
) -> None:
    """It says so once a round, in a line; the alarm comes with the room to note it."""
    resize_disk("20m")
    with run_replica() as source:
        extra = f"every_minutes = 0.05\n{LEDGER_ON_DISK}"
        config = build_config(source.url, extra=extra)
        service = ServiceFolder(tmp_path, config)
        service.run("once")
        with (tmp_path / "log").open("wb") as log:
            daemon = subprocess.Popen(
                [str(WATCHWORD_COMMAND), "run"], cwd=tmp_path, stderr=log, stdout=log
            )
        try:
            source.requests.clear()
            wait_until(lambda: source.requests)  # it is at work
            filler = fill(tmp_path / "disk")
            source.go_to_stage(1)
            wait_until(lambda: (tmp_path / "log").read_text().count("disk is full") > 1)
            assert daemon.poll() is None
            assert "disk is full" in service.run("status", expect=1).stdout
            filler.unlink()
            wait_until(lambda: count_sent_links(service.emails))
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(timeout=30) == 0
        finally:
            daemon.kill()
            daemon.wait()
        text = (tmp_path / "log").read_text()
        assert "Traceback" not in text
        assert any("disk is full" in reason for reason in list_past_alarms(tmp_path))
        service.run("once")
        assert service.run("status").stdout.endswith("Status: well\n")
        assert set(count_sent_links(service.emails).values()) == {1}


def list_past_alarms(folder: Path) -> list[str]:
    """Why alarms about jobs were raised that are cleared now."""
    ledger = open_ledger(f"sqlite:///{folder / 'disk' / 'ledger.sqlite3'}")
    wanted = select(alarm.c.reason).where(
        alarm.c.kind.like("job %"), alarm.c.cleared_at.isnot(None)
    )
    with ledger.reading() as connection:
        found = list(connection.execute(wanted).scalars())
    ledger.engine.dispose()
    return found


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
    assert line.endswith('disk/feeds: No space left on device"')
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
