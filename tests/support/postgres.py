"""A PostgreSQL cluster of the tests' own: made in a temporary folder, on a socket, gone after."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

_NUMBERS = itertools.count(1)

_SHARED = Path("/dev/shm")
#: So many bytes are to be free there.
_MIN_FREE_BYTES = 1_000_000_000

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

    def _control(self, *arguments: str) -> None:
        command = ["pg_ctl", "-D", str(self._folder / "data"), *arguments]
        _run(self._programs, command, self._user, str(self._folder))


@contextmanager
def run_cluster(programs: Path) -> Iterator[RunningCluster]:
    """A running server.

    The server refuses to run as root, so there it runs as the user that its package made.
    """
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="watchword-pg-", dir=find_memory_folder()) as folder:
        if user:
            entry = pwd.getpwnam(user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_wal_size=64MB"
        url = f"postgresql://watchword@127.0.0.1:{port}"
        cluster = RunningCluster(url, programs, Path(folder), options, user)
        data = str(Path(folder) / "data")
        initdb = ["initdb", "-D", data, "-U", "watchword", "-A", "trust", "-E", "UTF8"]
        _run(programs, [*initdb, "--no-sync"], user, folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


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
    name = f"ledger_{next(_NUMBERS)}"
    url = f"{server.replace('postgresql', 'postgresql+psycopg')}/postgres"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name} template {template}"))
        yield f"{server}/{name}"
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


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
