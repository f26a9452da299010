"""The daemon: APScheduler starts the jobs, and the ledger says what is due.

Triggers are built from the config at each start and kept in memory only, so no job is lost when
the process is killed. A late start of a job is better than none (no misfire limit), several missed
starts count as one (coalesced), and a job never runs twice at a time.

A daemon that is no longer the writer of the ledger, because its database was restarted for example,
stops its jobs, says so, and tries to become the writer again.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from alerts.errors import ExitStatus
from alerts.ledger import LedgerUnavailable
from crawler.event_log import get_logger
from scheduler.clock import ClockDoubted
from scheduler.crawls import find_early_crawl, run_crawl
from scheduler.jobs import prepare_messages, run_delivery, sync_config
from scheduler.rounds import Activity, Interval
from scheduler.service import LedgerBusyError, Service, lock_ledger
from scheduler.systemd import DaemonReports

log = get_logger("watchword.daemon")

_PIPELINE_JOB = "pipeline"
#: A job of its own: a mail server that is slow must hold up neither feeds nor matching.
_DELIVERY_JOB = "delivery"
#: Default seconds between two runs of the pipeline. A crawl starts one when it ends, and so does a
#: web sign-up: this is only how late a digest with a time of day or a retry may be.
_PIPELINE_SECONDS = 30.0
#: The system's clock counts as set when it has moved this many seconds more or less than the
#: monotonic clock within a second. Time servers correct by less, suspended machines by more.
_MIN_CLOCK_JUMP = 30.0
#: Seconds that steps get to end after a signal. Then the process leaves, as a kill would end it:
#: service managers kill after 10 to 90 seconds, and every step can be killed.
GRACE_SECONDS = 8.0
#: Seconds between two attempts to become the writer again.
_WRITER_PAUSE = 2.0


class Daemon:
    """Runs the jobs of a service until it is told to stop."""

    def __init__(self, service: Service, pipeline_seconds: float = _PIPELINE_SECONDS) -> None:
        """Add a crawl job for each enabled source and the pipeline job; start none.

        Args:
            service: The service whose jobs to run.
            pipeline_seconds: Seconds between two runs of the pipeline.
        """
        self._base = service
        self._service = service  #: with the ledger of the present writer, while this is the writer
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(service.config.sources) + 3)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )
        #: Held while a job's next time is set, and while the daemon begins to stop.
        self._next_times = threading.Lock()
        self._delivery = threading.Lock()  #: held while messages are delivered
        self._is_delivery_due = threading.Event()  #: whether one was asked for since the last began
        self._obstacle = ""  #: why this process could not become the writer again, as logged last
        self.failures = 0  #: jobs that ended in an unexpected exception
        crawls = {_name_crawl_job(source): source for source in service.config.source_hosts}
        self._activity = Activity(service.clock, crawls)
        self._reports = DaemonReports(self._base.look_at_ledger, self._describe)
        for job, source in crawls.items():
            period = service.config.sources[source].period
            self.add_job(job, partial(self._crawl, source), period.total_seconds())
        self.add_job(_PIPELINE_JOB, self._run_pipeline, pipeline_seconds)
        self.add_job(_DELIVERY_JOB, self._run_delivery, pipeline_seconds, instances=2)

    def add_job(
        self, name: str, job: Callable[[], object], seconds: float, instances: int = 1
    ) -> None:
        """Add a job that runs once at the start and then every ``seconds``.

        Args:
            name: Its name.
            job: What to do.
            seconds: Between two runs.
            instances: How many runs there may be at a time.
        """
        self._scheduler.add_job(
            self._run_job,
            Interval(seconds),
            args=(name, job),
            id=name,
            name=name,  # in APScheduler's log lines
            max_instances=instances,
            next_run_time=datetime.now(UTC),
        )

    def run(self) -> None:
        """Run the jobs until SIGTERM, SIGINT or SIGHUP; then finish the current steps and return.

        While another process works on a ledger on PostgreSQL, this one stands by.

        Raises:
            LedgerBusyError: Another process is using the ledger, on SQLite.
            LedgerUnavailable: The ledger cannot be used.
            ConfigError: A query in the config is wrong.
        """
        self._handle_signals()
        with self._reports.running():
            try:
                self._begin()
                while not self._base.stop.is_set():
                    self._reports.turn()
                    self._work_again()
            finally:
                self.shut_down()

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(signal.SIGHUP, self._handle_signal)

    def _begin(self) -> None:
        """Work for the first time, or stand by."""
        try:
            self._work()
        except LedgerBusyError as error:
            if self._base.ledger.is_sqlite:
                raise
            self._obstacle = str(error)
            log.warning("another process works on the ledger; this one stands by")

    def _work(self) -> None:
        """Become the writer, and run jobs until told to stop or until another process is it."""
        with lock_ledger(self._base) as service:
            sync_config(service)
            self._service = service
            self.start()
            if self._obstacle:
                log.warning("this process works on the ledger again")
                self._obstacle = ""
            reason = self.watch_clock(service.find_loss)
            if reason is None:
                self.shut_down()  # finish the current steps while this is the writer
                return
        self._scheduler.pause()
        self._obstacle = reason
        log.error("this process is no longer the writer of the ledger; jobs wait", reason=reason)

    def _work_again(self) -> None:
        """Try to become the writer again; wait a little if that is not possible now."""
        try:
            self._work()
        except (LedgerBusyError, LedgerUnavailable) as error:
            if self._obstacle != str(error):
                self._obstacle = str(error)
                log.error("jobs wait", reason=error)
            self._base.stop.wait(_WRITER_PAUSE)

    def start(self) -> None:
        """Start running jobs, in threads of their own, or start them again after a pause."""
        if not self._scheduler.running:
            self._scheduler.start()
        else:
            self._scheduler.resume()
            self.run_all_soon()

    def shut_down(self) -> None:
        """Tell running jobs to stop, wait for them and start no more.

        APScheduler waits for running jobs with the lock that :meth:`run_soon` needs, so none may be
        between its look at ``stop`` and that lock.
        """
        with self._next_times:
            self._base.stop.set()
        self._reports.stop()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        if not self._base.stop.is_set():
            watchdog = threading.Timer(GRACE_SECONDS, _leave)
            watchdog.daemon = True
            watchdog.start()
        self._base.stop.set()

    def _run_job(self, name: str, job: Callable[[], object]) -> None:
        """Run a job; log and count any exception, so that it runs again at its next time."""
        try:
            with self._activity.running(name):
                job()
        except LedgerUnavailable:  # the job has logged and noted it
            self.failures += 1
        except ClockDoubted as error:
            self.failures += 1
            log.error("a job is not run", job=name, reason=error)
        except Exception:  # the boundary of a job: no defect may end the daemon
            self.failures += 1
            log.exception("a job failed and will run again at its next time", job=name)

    def _run_pipeline(self) -> None:
        prepare_messages(self._service)
        self.run_soon(_DELIVERY_JOB)

    def _run_delivery(self) -> None:
        """Deliver; if the last delivery has not ended, deliver once more when it has."""
        self._is_delivery_due.set()
        if not self._delivery.acquire(blocking=False):
            return
        try:
            self._is_delivery_due.clear()
            run_delivery(self._service, self._activity.note_delivered)
        finally:
            self._delivery.release()
        if self._is_delivery_due.is_set():
            self.run_soon(_DELIVERY_JOB)

    def _crawl(self, name: str) -> None:
        run_crawl(self._service, name)
        self.run_soon(_PIPELINE_JOB)
        if early := find_early_crawl(self._service, name):
            log.info("the source is tried again soon", source=name, at=early)
            self._run_within(_name_crawl_job(name), early - self._service.clock())

    def _run_within(self, name: str, wait: timedelta) -> None:
        """Start a job after a time, unless its next run is sooner."""
        moment = datetime.now(UTC) + wait
        with self._next_times:
            if self._base.stop.is_set():  # the scheduler is asked nothing any more
                return
            job = self._scheduler.get_job(name)
            if job is not None and job.next_run_time > moment:
                self._scheduler.modify_job(name, next_run_time=moment)

    def crawl_now(self, source: str) -> bool:
        """Start a crawl of a source soon; return False if there is no such enabled source."""
        name = _name_crawl_job(source)
        if self._scheduler.get_job(name) is None:
            return False
        self.run_soon(name)
        return True

    def find_next_crawl(self, source: str) -> datetime | None:
        """Return when a source is crawled next; None if there is no such enabled source."""
        job = self._scheduler.get_job(_name_crawl_job(source))
        return job.next_run_time if job else None

    def _describe(self) -> str:
        """Return what the daemon does, as ``systemctl status`` shows it."""
        if self._obstacle:
            return f"jobs wait: {self._obstacle}"
        crawls = [
            f"{source} at {when:%H:%M} UTC"
            for source in self._base.config.sources
            if not self._activity.is_crawling(source) and (when := self.find_next_crawl(source))
        ]
        planned = [f"next crawl: {', '.join(crawls)}"] if crawls else []
        if not self._base.config.source_hosts:
            planned = ["no source is enabled"]
        return "; ".join([self._activity.describe() or "idle", *planned])

    def deliver_soon(self) -> None:
        """Start a delivery now, or as soon as the current one has ended."""
        self.run_soon(_DELIVERY_JOB)

    def run_pipeline_soon(self) -> None:
        """Match, publish, compose and deliver now, or as soon as the current round has ended."""
        self.run_soon(_PIPELINE_JOB)

    def run_soon(self, name: str) -> None:
        """Start a job now, or when its current run has ended; do nothing while shutting down."""
        with self._next_times:
            if not self._base.stop.is_set():
                self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def run_all_soon(self) -> None:
        """Start every job as :meth:`run_soon` does."""
        for job in self._scheduler.get_jobs():
            self.run_soon(job.id)

    def watch_clock(self, find_loss: Callable[[], str | None] = lambda: None) -> str | None:
        """Until told to stop, start all jobs whenever the system's clock was set.

        Jobs have their next times by the old clock: if it were set back by an hour, nothing would
        run for an hour.

        Args:
            find_loss: Returns why this process is no longer the writer, None while it is.

        Returns:
            Why it is no longer the writer; None when told to stop.
        """
        offset = time.time() - time.monotonic()
        self._reports.turn()
        while not self._base.stop.wait(1.0):
            self._reports.turn()
            if reason := find_loss():
                return reason
            new_offset = time.time() - time.monotonic()
            if abs(new_offset - offset) > _MIN_CLOCK_JUMP:
                jump = timedelta(seconds=round(new_offset - offset))
                log.warning("the clock was set; starting all jobs", seconds=jump.total_seconds())
                self.run_all_soon()
            offset = new_offset
        return None


def _leave() -> None:
    """End the process at once, although a step has not ended: another machine does not answer."""
    log.warning(
        "a step has not ended in time: it is done again at the next start", seconds=GRACE_SECONDS
    )
    logging.shutdown()
    os._exit(ExitStatus.OK)


def _name_crawl_job(source: str) -> str:
    return f"crawl {source}"
