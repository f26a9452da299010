"""PostgreSQL for the tests: one server that all their processes share, and servers of their own.

Each is made in a temporary folder, on a socket, and gone after.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from alerts.ledger import open_ledger

_NUMBERS = itertools.count(1)
#: The variable by which the processes of a test run know the folder of their server.
_FOLDER_VARIABLE = "WATCHWORD_TESTS_POSTGRES"

_SHARED = Path("/dev/shm")
#: So many bytes are to be free there.
_MIN_FREE_BYTES = 1_000_000_000

#: The server refuses to run as root: there it runs as the user that its package made.
_USER = "postgres" if os.geteuid() == 0 else None
#: What is lost with the machine may be lost: it is a test's. All processes of a run connect to it.
_SETTINGS = ("fsync=off", "full_page_writes=off", "max_wal_size=256MB", "max_connections=400")

#: The database of the shared server that is an empty ledger.
EMPTY_LEDGER = "empty_ledger"

#: Debian keeps the server's programs out of the PATH, one folder a version.
_DEBIAN = Path("/usr/lib/postgresql")


def find_server_programs() -> Path | None:
    """The folder of the newest server's programs, or None where none is installed."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@dataclass(frozen=True)
class RunningCluster:
    """A server that can be stopped and started again."""

    url: str  #: of its databases, without a database's name
    _programs: Path
    _folder: Path
    _options: str
    _user: str | None

    def start(self) -> None:
        """Start it; return when it accepts connections."""
        self._control("start", "-w", "-o", self._options, "-l", str(self._folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``fast`` ends sessions and writes all down, ``immediate`` is as a crash."""
        self._control("stop", "-m", mode)

    def find_pid(self) -> int:
        """Return the number of the server's first process, of which the others are children."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def _control(self, *arguments: str) -> None:
        command = ["pg_ctl", "-D", str(self._folder / "data"), *arguments]
        _run(self._programs, command, self._user, str(self._folder))


@contextmanager
def run_cluster(programs: Path, host: str = "127.0.0.1") -> Iterator[RunningCluster]:
    """A running server of the caller's own, which may be stopped and started.

    Args:
        programs: Of the server.
        host: The address at which it listens. Who reaches it may do everything.
    """
    with _make_folder() as folder:
        cluster = _make_cluster(programs, folder, host)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def share_server() -> Iterator[None]:
    """Let this process and those that it starts share a server, which the first user starts."""
    with _make_folder() as folder:
        os.environ[_FOLDER_VARIABLE] = str(folder)
        try:
            yield
        finally:
            del os.environ[_FOLDER_VARIABLE]
            programs = find_server_programs()
            if programs is not None and (folder / "data").exists():
                RunningCluster("", programs, folder, "", _USER).stop("fast")


def use_shared_server(programs: Path, prepare: Callable[[str], None]) -> str:
    """Return the URL of the server of this test run, without a database's name.

    The first process that asks starts it, and lets ``prepare`` make what all of them use.
    """
    folder = Path(os.environ[_FOLDER_VARIABLE])
    ready = folder / "url"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            cluster = _make_cluster(programs, folder)
            cluster.start()
            prepare(cluster.url)
            ready.write_text(cluster.url)
    return ready.read_text()


@contextmanager
def _make_folder() -> Iterator[Path]:
    """A temporary folder of the user that the server runs as."""
    with tempfile.TemporaryDirectory(prefix="watchword-pg-", dir=find_memory_folder()) as folder:
        if _USER and find_server_programs():
            entry = pwd.getpwnam(_USER)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        yield Path(folder)


def _make_cluster(programs: Path, folder: Path, host: str = "127.0.0.1") -> RunningCluster:
    """Write a cluster's files into ``folder``; it does not run yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    initdb = ["initdb", "-D", str(folder / "data"), "-U", "watchword", "-A", "trust", "-E", "UTF8"]
    _run(programs, [*initdb, "--no-sync"], _USER, str(folder))
    if host != "127.0.0.1":
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet trust\n")
    settings = " ".join(f"-c {setting}" for setting in _SETTINGS)
    options = f"-h {host} -p {port} -k {folder} {settings}"
    url = f"postgresql://watchword@127.0.0.1:{port}"
    return RunningCluster(url, programs, folder, options, _USER)


def find_memory_folder() -> Path | None:
    """A file system in memory, where there is one with room: databases are made there at once.

    Programs must be allowed to run from it, because tests install some into temporary folders.
    """
    if not (_SHARED.is_dir() and os.access(_SHARED, os.W_OK)):
        return None
    has_room = shutil.disk_usage(_SHARED).free >= _MIN_FREE_BYTES
    may_run = not os.statvfs(_SHARED).f_flag & os.ST_NOEXEC
    return _SHARED if has_room and may_run else None


@contextmanager
def create_database(server: str, template: str) -> Iterator[str]:
    """The URL of a new database of ``server``, a copy of ``template``; gone afterwards."""
    name = f"ledger_{os.getpid()}_{next(_NUMBERS)}"
    with _connect(server) as connection:
        connection.execute(text(f"create database {name} template {template}"))
        yield f"{server}/{name}"
        connection.execute(text(f"drop database {name} with (force)"))


@contextmanager
def _connect(server: str) -> Iterator[Connection]:
    url = f"{server.replace('postgresql', 'postgresql+psycopg')}/postgres"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        yield connection
    admin.dispose()


def make_empty_ledger(server: str) -> None:
    """Make the empty ledger of which tests take copies: quicker than all migrations each time."""
    with _connect(server) as connection:
        connection.execute(text(f"create database {EMPTY_LEDGER}"))
    open_ledger(f"{server}/{EMPTY_LEDGER}").engine.dispose()


def _run(programs: Path, command: list[str], user: str | None, folder: str) -> None:
    subprocess.run(
        [str(programs / command[0]), *command[1:]],
        check=True,
        cwd=folder,
        user=user,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
