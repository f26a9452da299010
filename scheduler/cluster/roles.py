"""The roles of a cluster: pages, work, and the clock."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from alerts.errors import ExitStatus, WatchwordError
from alerts.ledger import queued_jobs
from alerts.web import create_app
from crawler.event_log import get_logger
from scheduler.cluster.engine import JobFunction
from scheduler.cluster.engine_schema import install_engine
from scheduler.cluster.job_runner import run_job
from scheduler.cluster.life_signs import show_life
from scheduler.cluster.page_controls import ClusterControls
from scheduler.cluster.sweep import sweep_stalled
from scheduler.cluster.ticks import Ticker
from scheduler.cluster.work_queues import list_functions
from scheduler.cluster.worker import WorkerLoop, WorkerSettings
from scheduler.jobs import sync_config
from scheduler.service import Service
from scheduler.web import build_web_context, serve

log = get_logger("watchword.cluster")

#: Seconds that jobs get to end after a signal: a third less than systemd gives a process before it
#: kills it (90 s). Then the process leaves; each job can be killed, and another worker takes it.
STOP_SECONDS = 60.0


class NeedsPostgres(WatchwordError):
    """A cluster shares a ledger on PostgreSQL."""

    exit_status = ExitStatus.CONFIG


def join_cluster(service: Service) -> Service:
    """Return the service with a ledger that wakes workers; make the engine's tables first.

    Raises:
        NeedsPostgres: The ledger is on SQLite.
        LedgerUnavailable: The ledger cannot be used now.
    """
    if service.ledger.is_sqlite:
        raise NeedsPostgres(
            "a cluster needs a ledger on PostgreSQL: set ledger.url, or use `watchword run`"
        )
    install_engine(service.ledger)
    return service.with_ledger(service.ledger.announcing_by(queued_jobs.announce))


def run_serve(service: Service, host: str, port: int) -> None:
    """Serve the pages and feeds until SIGTERM or SIGINT."""
    service = join_cluster(service)
    web = service.config.web
    app = create_app(build_web_context(service, ClusterControls(service)))
    with (
        _stopping_on_signals(service),
        show_life(service, "serve"),
        serve(app, port, host, setting="--port", trusted_proxies=web.trusted_proxies) as address,
    ):
        log.info("serving", address=address)
        service.stop.wait()


def run_schedule(service: Service) -> None:
    """Make jobs of what is due and of what waits, until SIGTERM or SIGINT."""
    service = join_cluster(service)
    sync_config(service)
    with (
        _stopping_on_signals(service),
        show_life(service, "schedule", on_wrong_clock=_leave_with_wrong_clock),
    ):
        Ticker(service).run(service.config.cluster.tick_seconds)


def run_work(service: Service, queues: Sequence[str], concurrency: int) -> None:
    """Do the jobs of some queues until SIGTERM or SIGINT.

    Args:
        service: On PostgreSQL.
        queues: From which jobs are taken.
        concurrency: How many jobs are done at a time.
    """
    service = join_cluster(service)
    section = service.config.cluster
    sweep_stalled(service.ledger, section.stalled_seconds, service.clock())
    settings = WorkerSettings(
        section.listen, section.poll_seconds, section.beat_seconds, section.stalled_seconds
    )
    functions = build_functions(service)
    loop = WorkerLoop(service.ledger, functions, queues, concurrency, settings)
    with show_life(service, "work", ", ".join(queues), _leave_with_wrong_clock):
        asyncio.run(loop.run(on_stop=partial(_begin_to_stop, service)))


def build_functions(service: Service) -> Mapping[str, JobFunction]:
    """Return what the jobs of a cluster do, by the names of their tasks."""
    return {
        name: partial(run_job, service, name, function)
        for name, function in list_functions().items()
    }


@contextmanager
def _stopping_on_signals(service: Service) -> Iterator[None]:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _begin_to_stop(service))
    yield


def _begin_to_stop(service: Service) -> None:
    """Let every job come to its end, and the process leave if one does not."""
    log.info("stopping")
    if not service.stop.is_set():
        timer = threading.Timer(STOP_SECONDS, _leave)
        timer.daemon = True
        timer.start()
    service.stop.set()


def _leave() -> None:
    log.warning(
        "a job has not ended in time: another worker will do it again", seconds=STOP_SECONDS
    )
    logging.shutdown()
    os._exit(ExitStatus.OK)


def _leave_with_wrong_clock() -> None:
    """End a process that would do things at the wrong time; its manager starts it again."""
    os.kill(os.getpid(), signal.SIGTERM)
