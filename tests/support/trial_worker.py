"""A worker of a cluster as a process, whose task does nothing but leave a trace.

``python -m tests.support.trial_worker SETTINGS`` with `TrialSettings` as JSON. What it does is
printed, a line each, so that a test can stop or kill it at that moment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping

import msgspec
from procrastinate import App
from procrastinate.manager import JobManager
from sqlalchemy import text

from alerts.ledger import Ledger, LedgerUnavailable, WriterLost, open_ledger
from alerts.ledger.queued_jobs import JobClaim
from scheduler.cluster import worker
from scheduler.cluster.engine import JobFunction, build_app
from scheduler.cluster.worker import WorkerSettings

_MARK = text("insert into mark (piece) values (:piece) on conflict do nothing")
_LEAVE_TRACE = text("insert into trace (piece, process) values (:piece, :process)")


class TrialSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial worker is to be, and what of it is left out to show the fault."""

    url: str
    worker: WorkerSettings
    concurrency: int = 1
    has_fence: bool = True
    #: Whether the task marks what it has done, as every task of ours does.
    has_mark: bool = True
    has_guard: bool = True
    has_loop: bool = True


class TrialTask:
    """A task whose keys say what it does: ``NAME SECONDS_BEFORE SECONDS_WITHIN [kill]``."""

    def __init__(self, ledger: Ledger, *, has_fence: bool, has_mark: bool) -> None:
        self._ledger = ledger
        self._has_fence = has_fence
        self._has_mark = has_mark

    def __call__(self, claim: JobClaim, key: str) -> None:
        """Wait, then write a row, and wait before it is committed."""
        name, before, within, *more = key.split()
        say(f"began {name}")
        if more == ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(before))
        ledger = self._ledger.fenced_by(claim) if self._has_fence else self._ledger
        while True:
            try:
                self._write(ledger, name, float(within))
            except WriterLost:
                return say(f"lost {name}")
            except LedgerUnavailable:
                time.sleep(0.2)
            else:
                return say(f"ended {name}")

    def _write(self, ledger: Ledger, name: str, seconds: float) -> None:
        with ledger.writing_shard() as connection:
            if self._has_mark and not connection.execute(_MARK, {"piece": name}).rowcount:
                return
            connection.execute(_LEAVE_TRACE, {"piece": name, "process": os.getpid()})
            say(f"wrote {name}")
            time.sleep(seconds)


def say(line: str) -> None:
    """Print a line for the test."""
    print(line, flush=True)  # noqa: T201


def main() -> None:
    """Work until a signal, or without the loop until the engine's worker ends."""
    settings = msgspec.json.decode(sys.argv[1], type=TrialSettings)
    ledger = open_ledger(settings.url)
    functions = {
        "trial": TrialTask(ledger, has_fence=settings.has_fence, has_mark=settings.has_mark)
    }
    loop = worker.WorkerLoop(
        ledger,
        functions,
        ["trial"],
        settings.concurrency,
        settings.worker,
        build_app if settings.has_guard else build_unguarded_app,
    )
    if not settings.has_loop:
        worker.log.warning = lambda *_: loop.stop()  # type: ignore[method-assign]
    say("ready")
    asyncio.run(loop.run())
    say("left")


def build_unguarded_app(ledger: Ledger, functions: Mapping[str, JobFunction]) -> App:
    """The engine's application as it is without the guard."""
    app = build_app(ledger, functions)
    app.job_manager = JobManager(app.connector)
    return app


if __name__ == "__main__":
    main()
