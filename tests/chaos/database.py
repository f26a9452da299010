"""The database of a service under chaos: what can be done to it while it is used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, text

from tests.support.postgres import (
    RunningCluster,
    find_server_programs,
    run_cluster,
)


class ChaosDatabase(Protocol):
    """A database that can be hurt."""

    url: str

    def hurt(self, kind: str, seconds: float) -> None:
        """Do it harm of one of the kinds in ``harms``, for ``seconds``; return when it is over."""

    @property
    def harms(self) -> tuple[str, ...]:
        """The kinds of harm."""


class SqliteDatabase:
    """A file, which another program locks."""

    harms = ("lock",)

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"

    def hurt(self, _kind: str, seconds: float) -> None:
        """Keep the file locked for ``seconds``."""
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        connection.execute("begin exclusive")
        time.sleep(seconds)
        connection.execute("rollback")
        connection.close()


class PostgresDatabase:
    """A server that is restarted, goes away, or throws its clients out."""

    harms = ("restart", "crash", "down", "terminate")

    def __init__(self, cluster: RunningCluster, url: str) -> None:
        self._cluster = cluster
        self.url = url

    def hurt(self, kind: str, seconds: float) -> None:
        """Restart or stop the server, or end all sessions; it is back after ``seconds``."""
        if kind == "terminate":
            self._terminate_sessions()
            return
        self._cluster.stop("immediate" if kind == "crash" else "fast")
        time.sleep(seconds if kind == "down" else 0)
        self._cluster.start()

    def _terminate_sessions(self) -> None:
        engine = create_engine(self.url.replace("postgresql", "postgresql+psycopg", 1))
        with engine.connect() as connection:
            connection.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
            )
        engine.dispose()


@contextmanager
def open_database(kind: str, folder: Path) -> Iterator[ChaosDatabase]:
    """Yield a new, empty database.

    Args:
        kind: ``sqlite`` or ``postgresql``.
        folder: Where a SQLite file is made.
    """
    if kind == "sqlite":
        yield SqliteDatabase(folder / "ledger.sqlite3")
        return
    programs = find_server_programs()
    assert programs is not None, "no PostgreSQL server (Debian: apt-get install postgresql)"
    with run_cluster(programs) as cluster:
        yield PostgresDatabase(cluster, f"{cluster.url}/postgres")  # it is there from the start
