"""The engine's application: its connections, its tasks, and the guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from alerts.errors import MissingExtra
from alerts.ledger import Ledger
from alerts.ledger.queued_jobs import JobClaim

try:
    from procrastinate import App, JobContext, PsycopgConnector
except ModuleNotFoundError as error:
    raise MissingExtra("cluster", "Procrastinate", "a cluster") from error

from scheduler.cluster.guard import GuardedJobManager

#: Does a job: with the claim of this run, and the key of the piece.
JobFunction: TypeAlias = Callable[[JobClaim, str], None]

#: The queue of a task that does nothing, once an hour. Every worker takes its jobs.
IDLE_QUEUE = "idle"
#: Connections of a worker to fetch jobs, end them and beat; each is used for milliseconds. The one
#: that listens is beside them.
_CONNECTIONS = 4


def build_app(ledger: Ledger, functions: Mapping[str, JobFunction]) -> App:
    """Return the engine's application, with a task for each of some functions.

    No task has a retry strategy: the function notes its failures, and the next look for what waits
    makes a new job. So no job lets itself wait again while another for the same piece waits.

    Args:
        ledger: On PostgreSQL, with the engine's tables.
        functions: What the tasks do, by their names.
    """
    connector = PsycopgConnector(
        kwargs=ledger.build_connect_arguments(),
        min_size=1,
        max_size=_CONNECTIONS,
    )
    app = App(connector=connector)
    app.job_manager = GuardedJobManager(connector)  # before the tasks, which keep a reference to it
    for name, function in functions.items():
        app.task(name=name, pass_context=True)(_adapt(function))
    # An application without a periodic task does not notice that its heartbeat has ended.
    idle = app.task(name=IDLE_QUEUE, queue=IDLE_QUEUE, queueing_lock=IDLE_QUEUE)
    app.periodic(cron="0 * * * *", periodic_id=IDLE_QUEUE)(idle(_do_nothing))
    return app


def _adapt(function: JobFunction) -> Callable[[JobContext, str], None]:
    """Return what the engine calls. It runs in a thread: a long job must not stop the heartbeat."""

    def run(context: JobContext, key: str) -> None:
        function(claim_job(context), key)

    return run


def claim_job(context: JobContext) -> JobClaim:
    """Return what names this run of a job."""
    job = context.job
    assert job.id is not None
    return JobClaim(job.id, job.worker_id, job.attempts)


def _do_nothing(timestamp: int) -> None:
    """Do nothing at a moment, which the engine passes by this name."""
