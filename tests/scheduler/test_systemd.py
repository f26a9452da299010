"""What `watchword run` tells systemd, and when it is silent."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler.records import encode_record
from scheduler.systemd import DaemonReports, find_watchdog_seconds, notify_systemd
from tests.support.raw_server import serve_raw
from tests.support.samples import make_question
from tests.support.service import ServiceFolder, build_config
from tests.support.smtp_server import run_smtp_server

#: Seconds that systemd would wait. Reports come four times as often.
_WATCHDOG_SECONDS = 4
_CONFIG = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
#: The bytes of SQLite's index of the log that readers lock (https://sqlite.org/walformat.html,
#: "WAL Locks"): WAL_READ_LOCK(0) to WAL_READ_LOCK(4).
_READ_LOCKS = (123, 5)


class ServiceManager:
    """The socket that systemd listens on, and what came."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def receive(self, seconds: float = 20) -> list[str]:
        """Return the lines of the next datagram, none if there is none within ``seconds``."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            return self._socket.recv(4096).decode().split("\n")
        except TimeoutError:
            return []

    def wait_for(self, line: str, seconds: float = 20) -> list[str]:
        """Return the datagram that holds a line."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if line in (lines := self.receive(until - time.monotonic())):
                return lines
        raise AssertionError(f"{line} did not come within {seconds} s")

    def collect(self, seconds: float) -> list[str]:
        """Return all lines that come within ``seconds``."""
        until, lines = time.monotonic() + seconds, list[str]()
        while time.monotonic() < until:
            lines += self.receive(until - time.monotonic())
        return lines

    def wait_for_match(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """Return how the first line that comes matches a pattern."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.receive(until - time.monotonic()):
                if found := re.fullmatch(pattern, line):
                    return found
        raise AssertionError(f"{pattern} did not come within {seconds} s")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManager]:
    """A service manager, which this process and those that it starts report to."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(_WATCHDOG_SECONDS * 1_000_000))
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    made = ServiceManager(tmp_path / "notify")
    yield made
    made.close()


@contextmanager
def block_readers(ledger: Path) -> Iterator[None]:
    """Let nobody begin to read a ledger on SQLite."""
    with Path(f"{ledger}-shm").open("r+b") as index:
        start, length = _READ_LOCKS
        fcntl.lockf(index, fcntl.LOCK_EX, length, start)
        yield
        fcntl.lockf(index, fcntl.LOCK_UN, length, start)


@pytest.mark.process
@pytest.mark.slow
def test_the_daemon_reports_while_the_database_answers(
    tmp_path: Path, manager: ServiceManager
) -> None:
    service = ServiceFolder(tmp_path / "service", _CONFIG)
    with service.running("run") as process:
        ready = manager.wait_for("READY=1")
        assert any(line.startswith("STATUS=") for line in ready)
        status = manager.wait_for("WATCHDOG=1")[1]
        assert status.startswith("STATUS=")
        assert status.endswith("; no source is enabled")

        with block_readers(service.folder / "var" / "ledger.sqlite3"):
            manager.collect(1)  # sent before
            assert "WATCHDOG=1" not in manager.collect(_WATCHDOG_SECONDS)
        manager.wait_for("WATCHDOG=1")

        process.send_signal(signal.SIGTERM)
        assert manager.wait_for("STOPPING=1") == ["STOPPING=1", "STATUS=stopping"]
        assert process.wait(20) == 0
    assert manager.collect(0.1) == []


@pytest.mark.process
def test_the_status_says_what_the_daemon_does(tmp_path: Path, manager: ServiceManager) -> None:
    """It crawls while the source does not answer, and sends while the mail server does not."""
    answers, accepts = threading.Event(), threading.Event()

    def answer(_path: str) -> bytes:
        answers.wait(30)
        return b""

    with serve_raw(answer) as source, run_smtp_server() as server:
        extra = (
            '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n[channels.smtp]\n'
            f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
        )
        service = ServiceFolder(tmp_path / "service", build_config(source, people=2, extra=extra))
        server.script = {"banner": "421 closed"}
        record = encode_record(make_question(1, words="VRU."))
        (service.folder / "records.jsonl").write_bytes(record)
        service.run("ingest", "--as-new", "records.jsonl", expect=69)
        server.script = {}
        server.on_dot = lambda: accepts.wait(30)
        with service.running("run"):
            crawling = r"crawling london since (\d\d:\d\d) UTC"
            manager.wait_for_match(f"STATUS={crawling}, sending 2 messages \\(0 done\\)")
            accepts.set()
            found = manager.wait_for_match(f"STATUS={crawling}")
            recently = {datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (0, 1)}
            assert found[1] in {f"{moment:%H:%M}" for moment in recently}
            answers.set()
            idle = manager.wait_for_match(r"STATUS=idle; next crawl: london at (\d\d:\d\d) UTC")
            # It could not be read, for the first time: the next try is soon, not in an hour.
            soon = {f"{datetime.now(UTC) + timedelta(minutes=m):%H:%M}" for m in (1, 2)}
            assert idle[1] in soon
    status = service.run("status", expect=1).stdout
    assert "; the daemon tries again at" in status
    assert "next try of the daemon: " in status


@pytest.mark.slow
@pytest.mark.parametrize("turns", [True, False])
def test_a_main_loop_that_stands_still_is_not_well(
    manager: ServiceManager, monkeypatch: pytest.MonkeyPatch, *, turns: bool
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    reports = DaemonReports(lambda: None, lambda: "idle")
    with reports.running():
        reports.turn()
        assert manager.receive() == ["READY=1", "STATUS=idle"]
        seen: list[str] = []
        for _ in range(8):
            seen += manager.collect(0.1)
            if turns:
                reports.turn()
    assert seen.count("READY=1") == 0
    assert (seen[-2] == "WATCHDOG=1") is turns
    assert ("STATUS=the main loop has stood still" in seen[-1]) is not turns


@pytest.mark.slow
def test_nothing_is_well_before_the_main_loop_turns(
    manager: ServiceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    with DaemonReports(lambda: None, lambda: "idle").running():
        assert manager.collect(0.3) == []


def test_without_a_service_manager_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "1000")
    looks: list[int] = []
    reports = DaemonReports(lambda: looks.append(1), lambda: "idle")
    with reports.running():
        reports.turn()
        time.sleep(0.1)
    assert looks == []


def test_a_watchdog_may_be_meant_for_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "120000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert find_watchdog_seconds() == 120
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    assert find_watchdog_seconds() is None


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@watchword-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name[1:]}")
        listener.settimeout(5)
        notify_systemd("READY=1", "STATUS=idle")
        assert listener.recv(100) == b"READY=1\nSTATUS=idle"
