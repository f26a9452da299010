"""A process stands still while it writes to the sent log: the others wait for it once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from alerts.delivery.sent_log.local import FILE_NAME
from crawler.records import encode_record
from tests.scheduler.test_daemon import build_smtp, wait_until
from tests.support.samples import make_question
from tests.support.service import ServiceFolder, build_config
from tests.support.smtp_server import run_smtp_server

pytestmark = [pytest.mark.process, pytest.mark.slow]

PEOPLE = 6
#: Begins to write, says so, and goes on only when it is told to.
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holds", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@contextmanager
def hold(file: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that was stopped in the middle of a transaction on a database."""
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        process.send_signal(signal.SIGSTOP)
        try:
            yield process
        finally:
            process.kill()


def count_keys(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        found: int = connection.execute("SELECT count(*) FROM sent").fetchone()[0]
    return found


def test_it_is_waited_for_once_and_nothing_is_forgotten(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        extra = f"enabled = false\n{build_smtp(server.port)}"
        config = build_config("http://127.0.0.1:1", people=PEOPLE, extra=extra)
        service = ServiceFolder(tmp_path, config.replace("every_minutes = 0.05\n", ""))
        file = tmp_path / "var" / "sent" / FILE_NAME
        ingest(service, 1)
        before = count_keys(file)
        server.script = {"banner": "421 closed"}
        ingest(service, 2, expect=69)
        server.script = {}
        server.messages.clear()
        with hold(file) as holder, service.running("run"):
            began = time.monotonic()
            wait_until(lambda: len(server.messages) == PEOPLE)
            assert time.monotonic() - began < 2 * 5 + 5  # five seconds, and the start
            wait_until(lambda: "cannot be used: database is locked" in read_status(service))
            assert count_keys(file) == before
            assert holder.stdin is not None
            holder.stdin.write("go on\n")
            holder.stdin.flush()
            holder.send_signal(signal.SIGCONT)
            wait_until(lambda: count_keys(file) == 2 * before, seconds=60)
        assert len(server.messages) == PEOPLE


def ingest(service: ServiceFolder, number: int, expect: int = 0) -> None:
    """Let the source have a question about which everybody is sent an email."""
    record = encode_record(make_question(number, words="VRU."))
    (service.folder / "records.jsonl").write_bytes(record)
    service.run("ingest", "--as-new", "records.jsonl", expect=expect)


def read_status(service: ServiceFolder) -> str:
    return service.run("status", expect=None).stdout
