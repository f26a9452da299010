"""The daemon: APScheduler wakes the jobs, the ledger knows what is due.

Triggers are built anew from the config at each start and kept in memory only. A stored job is
lost when the process dies in it, and nothing is stored here that could be. A late wake-up is
better than none (no misfire limit), several missed ones are one (coalesced), and a job never
overlaps itself.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.crawls import run_crawl
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import Service, lock_ledger

log = logging.getLogger("watchword.daemon")

_PIPELINE_JOB = "round"
#: How far wall clock and monotonic clock may part before the clock counts as set, in seconds.
_MIN_CLOCK_JUMP = 30.0


class Daemon:
    """Runs the jobs of ``service`` until it is told to stop."""

    def __init__(self, service: Service, pipeline_seconds: float = 30.0) -> None:
        self._service = service
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(service.config.sources) + 1)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )
        self.failures = 0  #: jobs that ended in an exception nobody expected
        for name, source in service.config.sources.items():
            if source.enabled:
                self.add_job(f"crawl {name}", partial(self._crawl, name), source.every_minutes * 60)
        self.add_job(_PIPELINE_JOB, self._run_pipeline, pipeline_seconds)

    def add_job(self, name: str, job: Callable[[], None], seconds: float) -> None:
        self._scheduler.add_job(
            self._run_job,
            IntervalTrigger(seconds=seconds, timezone=UTC),
            args=(name, job),
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the step at hand and leave.

        Raises :class:`scheduler.jobs.Busy` when another process is at work.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle_signal)
        with lock_ledger(self._service):
            sync_config(self._service)
            self.start()
            self.watch_clock()
            self.shut_down()

    def start(self) -> None:
        """Begin to wake the jobs."""
        self._scheduler.start()

    def shut_down(self) -> None:
        """Wait for the jobs at work and wake no more."""
        self._service.stop.set()
        self._scheduler.shutdown(wait=True)

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        self._service.stop.set()

    def _run_job(self, name: str, job: Callable[[], None]) -> None:
        """The boundary of a job: whatever it raises is logged and counted, and the next goes on."""
        try:
            job()
        except Exception:  # the named boundary
            self.failures += 1
            log.exception("job %s failed; it will be tried again", name)

    def _crawl(self, name: str) -> None:
        run_crawl(self._service, name)
        self.run_soon(_PIPELINE_JOB)

    def _run_pipeline(self) -> None:
        run_pipeline(self._service)

    def crawl_now(self, source: str) -> bool:
        """Crawl a source as soon as can be; False where there is no such source."""
        name = f"crawl {source}"
        if self._scheduler.get_job(name) is None:
            return False
        self.run_soon(name)
        return True

    def run_soon(self, name: str) -> None:
        """Run a job as soon as it can be."""
        if not self._service.stop.is_set():
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def watch_clock(self) -> None:
        """Until told to stop, look out for a wall clock that was set.

        A clock set back by an hour would mean an hour of silence: the jobs' next times were
        computed on the old clock.
        """
        ahead = time.time() - time.monotonic()
        while not self._service.stop.wait(1.0):
            now_ahead = time.time() - time.monotonic()
            if abs(now_ahead - ahead) > _MIN_CLOCK_JUMP:
                log.warning(
                    "the clock was set by %s; all jobs are woken",
                    timedelta(seconds=round(now_ahead - ahead)),
                )
                self.run_all_soon()
            ahead = now_ahead

    def run_all_soon(self) -> None:
        """Run every job as soon as it can be."""
        for job in self._scheduler.get_jobs():
            self.run_soon(job.id)
