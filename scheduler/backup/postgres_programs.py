"""Running ``pg_dump`` and ``pg_restore``, which come with PostgreSQL.

They get the address of the database in a file, because everybody can see the arguments of a process
and a password may be in the address.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from alerts.ledger import Ledger
from alerts.ledger.queued_jobs import SCHEMA as ENGINE_SCHEMA
from alerts.ledger.rate_counts import TABLE_NAME as RATE_COUNTS
from scheduler.backup.errors import BackupDamaged, BackupFailed, ProgramMissing, RestoreRefused

#: Debian keeps the programs of each version in a folder of its own, out of the PATH.
_DEBIAN = Path("/usr/lib/postgresql")
#: ``pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)``
_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)")
#: Characters of what a program says that are shown.
_MAX_REASON = 400
#: Begins the rows of a table in a script: ``COPY public.question (id, source) FROM stdin;``
_COPY = re.compile(rb"COPY (?:\S+\.)?(\S+) \(.*\) FROM stdin;\n")
_END_OF_ROWS = b"\\.\n"


def find_program(name: str, server_version: int) -> Path:
    """Return a program that can work with a server: of its major version or a newer one.

    Args:
        name: ``pg_dump``.
        server_version: The major version of the server: 15.

    Raises:
        ProgramMissing: None is installed; the message says which are, and what to install.
    """
    on_path = shutil.which(name)
    paths = [Path(on_path)] if on_path else []
    paths += sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True)
    versions = {path: _read_version(path) for path in paths}
    for path, version in versions.items():
        if version is not None and version >= server_version:
            return path
    found = ", ".join(sorted({str(version) for version in versions.values() if version}))
    what = f"only {name} {found} is" if found else f"{name} is not"
    raise ProgramMissing(
        f"{what} installed, and the server is PostgreSQL {server_version}: install"
        f" postgresql-client-{server_version} (Debian) or the client programs of that version"
    )


def _read_version(program: Path) -> int | None:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False)
    except OSError:
        return None
    found = _VERSION.search(done.stdout)
    return int(found[1]) if found else None


def dump(program: Path, ledger: Ledger, snapshot: str, target: Path) -> None:
    """Dump a ledger into a file, in PostgreSQL's custom format.

    Counts of requests and the engine's jobs are left out: what waits is marked in the ledger, and
    jobs are made of it anew.

    Args:
        program: ``pg_dump``.
        ledger: The ledger.
        snapshot: Of :func:`alerts.ledger.snapshots.export_snapshot`.
        target: The file.

    Raises:
        BackupFailed: It failed; the message is what it said.
    """
    arguments = [
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--exclude-schema={ENGINE_SCHEMA}",
        f"--exclude-table={RATE_COUNTS}",
        f"--snapshot={snapshot}",
        f"--file={target}",
    ]
    with _open_service(ledger) as environment:
        _run([str(program), *arguments], environment, BackupFailed)
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def restore(program: Path, dump_file: Path, ledger: Ledger) -> None:
    """Restore a dump into an empty database, in one transaction.

    Raises:
        RestoreRefused: It failed, and nothing was written.
    """
    arguments = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    with _open_service(ledger) as environment:
        # An empty name lets it connect to the database of the service, instead of writing a script.
        command = [str(program), *arguments, "--dbname=service=watchword", str(dump_file)]
        _run(command, environment, RestoreRefused)


def count_dumped_rows(program: Path, dump_file: Path) -> dict[str, int]:
    """Return how many rows a dump has, by table, after reading all of it.

    Raises:
        BackupDamaged: It cannot be read to its end.
    """
    command = [str(program), "--data-only", "--file=-", str(dump_file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_plain_environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        counts = _count_rows(process.stdout)
        reason = _shorten(process.stderr.read())
    if process.returncode:
        raise BackupDamaged(f"{dump_file.name} is damaged: {reason}")
    return counts


def _count_rows(script: IO[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    table: str | None = None
    for line in script:
        if table is None:
            found = _COPY.fullmatch(line)
            if found:
                table = found[1].decode().strip('"')
                counts[table] = 0
        elif line == _END_OF_ROWS:
            table = None
        else:
            counts[table] += 1
    return counts


@contextmanager
def _open_service(ledger: Ledger) -> Iterator[dict[str, str]]:
    """Yield the environment in which a program finds the database, by libpq's service file."""
    # Of an extra, which such a ledger needs.
    options = import_module("psycopg.pq").Conninfo.get_defaults()
    known = {option.keyword.decode() for option in options}
    values = {k: v for k, v in ledger.build_connect_arguments().items() if k in known}
    lines = ["[watchword]", *(f"{key}={value}" for key, value in values.items())]
    with TemporaryDirectory(prefix="watchword-service-") as folder:
        path = Path(folder) / "service.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        yield _plain_environment() | {"PGSERVICEFILE": str(path), "PGSERVICE": "watchword"}


def _plain_environment() -> dict[str, str]:
    """Return this process's environment, with messages in English."""
    return os.environ | {"LC_ALL": "C"}


def _run(
    command: list[str], environment: dict[str, str], error: Callable[[str], Exception]
) -> None:
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    try:
        _, said = process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        raise
    if process.returncode:
        raise error(f"{Path(command[0]).name} failed: {_shorten(said)}")


def _shorten(said: bytes) -> str:
    """Return what a program said on standard error, on one line."""
    return " ".join(said.decode(errors="replace").split())[:_MAX_REASON]
