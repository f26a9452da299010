"""PgBouncer for the tests: a pooler in transaction mode in front of a PostgreSQL server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

#: Debian keeps it out of the PATH of those who are not root.
_DEBIAN = Path("/usr/sbin/pgbouncer")
#: It refuses to run as root: there it runs as the user that PostgreSQL's package made.
_USER = "postgres" if os.geteuid() == 0 else None

#: Two sessions of the server for all clients, so that a client uses now one, now the other.
_SETTINGS = """\
[databases]
* = host={host} port={port} user=watchword
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
logfile = {folder}/log
pidfile = {folder}/pid
"""


def find_pgbouncer() -> str:
    """The program; the test is skipped where it is not installed."""
    found = shutil.which("pgbouncer") or (str(_DEBIAN) if _DEBIAN.exists() else None)
    if found is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    return found


@contextmanager
def run_pgbouncer(server: str) -> Iterator[str]:
    """The URL of a pooler in front of a server, both without a database's name."""
    program = find_pgbouncer()
    parts = urlsplit(server)
    with tempfile.TemporaryDirectory(prefix="watchword-pooler-") as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        settings = _SETTINGS.format(
            host=parts.hostname, port=parts.port, own_port=port, folder=folder
        )
        (Path(folder) / "settings").write_text(settings)
        if _USER:
            owner = pwd.getpwnam(_USER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        command = [program, "-q", f"{folder}/settings"]
        process = subprocess.Popen(command, cwd=folder, user=_USER, stderr=subprocess.DEVNULL)
        try:
            _wait_for_port(port)
            yield f"postgresql://watchword@127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, "PgBouncer does not listen"
            time.sleep(0.02)
        else:
            return
