"""A whole service under chaos: the daemon, its database, disk, clock, mail server and source."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.database import ChaosDatabase, open_database
from tests.support.paths import REPOSITORY, WATCHWORD_COMMAND
from tests.support.service import RunningReplica, run_replica
from tests.support.smtp_server import SmtpServer, run_smtp_server

#: Subscribers by frequency. Those of ``daily`` get what the stages bring in one digest or more.
READERS = {f"reader{n}@demo.example": "immediate" for n in range(6)} | {
    f"daily{n}@demo.example": "daily" for n in range(3)
}
_QUERIES = ('VRU OR "violence reduction unit"', "bus OR tram OR cycling", "source:london", "London")
#: Seconds between two crawls of the source, each followed by a round.
SECONDS_BETWEEN_CRAWLS = 3
_DISK_BYTES = 128 * 2**20
_CLOCK_FOLDER = Path(__file__).parent / "stepped_clock"


@dataclass
class SystemUnderChaos:
    """Everything that a fault can reach."""

    folder: Path
    database: ChaosDatabase
    source: RunningReplica
    mail_server: SmtpServer
    port: int
    has_own_disk: bool  #: whether ``var`` is a small file system of its own
    daemon: subprocess.Popen[bytes] | None = None
    clock_offset: float = 0.0
    _environment: dict[str, str] = field(default_factory=dict)

    # -------------------------------------------------------------- the daemon

    def start_daemon(self) -> None:
        """Start ``watchword run`` if it does not run."""
        if self.daemon is None or self.daemon.poll() is not None:
            with (self.folder / "daemon.log").open("ab") as log:
                self.daemon = subprocess.Popen(
                    [str(WATCHWORD_COMMAND), "-v", "run"],
                    cwd=self.folder,
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                )

    def kill_daemon(self) -> None:
        """Kill it as the kernel does when memory is short."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()

    def stop_daemon(self, seconds: float = 30) -> int | None:
        """Ask it to stop; return its exit status, or None if it did not end in time."""
        if self.daemon is None:
            return 0
        wait_for(self.is_serving, seconds)  # before, Python has not set up signals yet
        self.daemon.send_signal(signal.SIGTERM)
        try:
            return self.daemon.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill_daemon()
            return None

    def is_serving(self) -> bool:
        """Return whether the pages can be connected to."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the daemon, as the operator does."""
        return subprocess.run(
            [str(WATCHWORD_COMMAND), *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )

    def read_log(self) -> str:
        """What the daemon has logged."""
        return (self.folder / "daemon.log").read_text(errors="replace")

    # -------------------------------------------------------------- clock and disk

    def set_clock(self, offset: float) -> None:
        """Let the service's clock be wrong by ``offset`` seconds from now on."""
        self.clock_offset = offset
        (self.folder / "clock").write_text(str(offset))

    def fill_disk(self) -> None:
        """Leave no room for the database, the feeds and everything else below ``var``."""
        free = shutil.disk_usage(self.folder / "var").free
        filler = (self.folder / "var" / "filler").open("wb", buffering=0)
        with filler, suppress(OSError):  # which says that the disk is full
            for _ in range(free // 4096 + 1):
                filler.write(b"x" * 4096)

    def free_disk(self) -> None:
        """Make room again."""
        (self.folder / "var" / "filler").unlink(missing_ok=True)

    # -------------------------------------------------------------- what is seen

    def read_health(self) -> dict[str, Any] | None:
        """What ``watchword status`` says, or None where it can say nothing."""
        done = self.run("status", "--json")
        try:
            found: dict[str, Any] = json.loads(done.stdout)["data"]
        except ValueError:
            return None
        return found | {"exit_status": done.returncode}


@contextmanager
def run_system(folder: Path, database: str) -> Iterator[SystemUnderChaos]:
    """Yield a system that has read the source once and whose daemon does not run yet.

    Args:
        folder: An empty folder.
        database: ``sqlite`` or ``postgresql``.
    """
    with (
        _small_disk(folder / "var") as has_own_disk,
        open_database(database, folder / "var") as ledger,
        run_replica() as source,
        run_smtp_server() as mail_server,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        port: int = free.getsockname()[1]
        free.close()
        (folder / "config.toml").write_text(_build_config(source.url, ledger, mail_server, port))
        environment = dict(os.environ) | {
            "CHAOS_CLOCK": str(folder / "clock"),
            "PYTHONPATH": os.pathsep.join((str(_CLOCK_FOLDER), str(REPOSITORY))),
        }
        system = SystemUnderChaos(
            folder, ledger, source, mail_server, port, has_own_disk, _environment=environment
        )
        system.set_clock(0)
        source.go_to_stage(0)
        done = system.run("once")
        assert done.returncode == 0, done.stderr
        try:
            yield system
        finally:
            system.kill_daemon()


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """Mount a small file system at ``folder``; yield whether that is allowed here."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and not subprocess.call(["/bin/mount", *options])
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.call(["/bin/umount", "--lazy", str(folder)])


def _build_config(source: str, ledger: ChaosDatabase, mail_server: SmtpServer, port: int) -> str:
    subscriptions = "".join(
        f'\n[[subscriptions]]\nemail = "{email}"\nevery = "{every}"\nquery = \'{query}\'\n'
        for email, every in READERS.items()
        for query in _QUERIES[: 2 + len(email) % 2]
    )
    return f"""
[ledger]
url = "{ledger.url}"
[site]
public_url = "http://127.0.0.1:{port}"
[web]
port = {port}
[sources.london]
url = "{source}"
delay_seconds = 0.01
days_back = 90
every_minutes = {SECONDS_BETWEEN_CRAWLS / 60}
[mail]
channel = "smtp"
[channels.smtp]
host = "127.0.0.1"
port = {mail_server.port}
security = "none"
[operator]
email = "operator@demo.example"
[digests]
batch_minutes = 0
{subscriptions}
"""


def wait_for(condition: Any, seconds: float, between: float = 0.2) -> bool:
    """Return whether ``condition()`` comes true within ``seconds``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(between)
    return bool(condition())
