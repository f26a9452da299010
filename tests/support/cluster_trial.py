"""A trial of a cluster: real workers on a database, and what their jobs left."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import text

from alerts.ledger import Ledger, LedgerUnavailable, open_ledger, queued_jobs
from alerts.ledger.queued_jobs import QueuedJob
from scheduler.cluster.engine_schema import install_engine
from scheduler.cluster.sweep import sweep_stalled
from scheduler.cluster.worker import WorkerSettings
from tests.support.paths import REPOSITORY
from tests.support.trial_worker import TrialSettings

#: Short, so that a trial takes seconds; as long as a busy machine may keep a worker waiting.
SETTINGS = WorkerSettings(listen=True, poll_seconds=0.5, beat_seconds=0.7, stalled_seconds=4)
#: Seconds for what should take a few, on a machine with other work.
PATIENCE = 40.0


@dataclass
class TrialProcess:
    """A running worker, and what it said."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())

    def wait_until_said(self, line: str) -> None:
        """Wait until the worker has printed a line."""
        wait_until(lambda: line in self.said, f"{line}; it said {self.said}")

    def wait_until_said_something(self, beginning: str) -> None:
        """Wait until the worker has printed a line that begins so."""
        wait_until(lambda: any(line.startswith(beginning) for line in self.said), beginning)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail after a while."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.05)


class ClusterTrial:
    """A database with the engine's tables, and workers on it."""

    def __init__(self, ledger: Ledger, stack: ExitStack) -> None:
        self.ledger = ledger
        self._stack = stack

    def start_worker(self, url: str | None = None, **settings: Any) -> TrialProcess:
        """Start a worker; it is killed at the end of the test."""
        own = self.ledger.engine.url.render_as_string(hide_password=False)
        wanted = TrialSettings(url=url or own, **{"worker": SETTINGS, **settings})
        command = [sys.executable, "-m", "tests.support.trial_worker"]
        started = subprocess.Popen(
            [*command, msgspec.json.encode(wanted).decode()],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.enter_context(started)  # which waits, and closes the pipe
        self._stack.callback(started.kill)
        worker = TrialProcess(started)
        worker.wait_until_said("ready")
        return worker

    def add(self, *keys: str) -> None:
        """Make jobs; two with the same name may wait, but not run at a time."""
        with self.ledger.writing_shard() as connection:
            queued_jobs.add(connection, [QueuedJob("trial", key, "trial", 0) for key in keys])

    def sweep(self) -> None:
        """Sweep once, as every scheduler does again and again."""
        sweep_stalled(self.ledger, SETTINGS.stalled_seconds, datetime.now(UTC))

    def sweep_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Sweep again and again until something is so."""

        def swept() -> bool:
            self.sweep()
            return is_so()

        wait_until(swept, what)

    def read(self, query: str) -> list[Any]:
        """The first column of a query."""
        with self.ledger.reading() as connection:
            return list(connection.execute(text(query)).scalars())

    def wait_until_stalled(self) -> None:
        """Wait until a worker has given no sign of life for too long."""
        query = (
            "select 1 from jobs.procrastinate_workers where last_heartbeat"
            " < now() - interval '4 s'"  # as in SETTINGS
        )
        wait_until(lambda: bool(self.read(query)), "a worker is stalled")

    @property
    def traces(self) -> list[str]:
        """The pieces that were done, once for each time, in order of their names."""
        return sorted(self.read("select piece from trace"))

    @property
    def jobs(self) -> list[str]:
        """The states of the jobs that are left: those that end well are deleted."""
        found = self.read(
            "select status::text from jobs.procrastinate_jobs where task_name = 'trial' order by id"
        )
        return [str(state) for state in found]

    def wait_until_done(self, *pieces: str) -> None:
        """Wait, sweeping, until these and no others were done, and no job is left."""
        self.sweep_until(
            lambda: is_reached(lambda: not self.jobs and self.traces == sorted(pieces)),
            f"{pieces}",
        )


def is_reached(look: Callable[[], bool]) -> bool:
    """Look, where the database may be away; it is not so then."""
    try:
        return look()
    except LedgerUnavailable:
        return False


@contextmanager
def run_trial(url: str) -> Iterator[ClusterTrial]:
    """A trial on an empty ledger; its workers are killed at the end."""
    ledger = open_ledger(url)
    install_engine(ledger)
    with ledger.writing_shard() as connection:
        connection.execute(text("create table trace (piece text, process int)"))
        connection.execute(text("create table mark (piece text primary key)"))
    with ExitStack() as stack:
        yield ClusterTrial(ledger, stack)
    ledger.close()
