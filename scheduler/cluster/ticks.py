"""What a scheduler does at each tick. Any number of schedulers do the same, and one is enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from alerts.ledger import LedgerUnavailable, queued_jobs
from alerts.ledger.queued_jobs import QueuedJob
from alerts.operator import are_cluster_alarms_true, find_cluster_alarms, update_cluster_alarms
from crawler.event_log import get_logger
from scheduler.cluster.periodic import PERIODIC, PeriodicTask
from scheduler.cluster.sweep import sweep_stalled
from scheduler.cluster.work_queues import list_jobs
from scheduler.service import Service
from scheduler.tasks import TASKS, tell_operator

log = get_logger("watchword.cluster")


class Ticker:
    """Makes the jobs of what is due by the clock, and of what waits.

    There is no leader. A moment is the same for every scheduler, and a unique row in the database
    lets one of them make its job, so nothing needs to be taken over from one that is gone.
    """

    def __init__(self, service: Service) -> None:
        """Prepare to make the jobs of ``service``."""
        self._service = service
        #: The last moment of each periodic piece whose job this scheduler has seen to.
        self._seen: dict[tuple[str, str], datetime] = {}

    def run(self, seconds: float) -> None:
        """Tick, and again so many seconds after each tick, until the service is told to stop.

        The wait is by the clock that nobody sets: APScheduler's would be as long as the clock of
        the machine was set back by.
        """
        self.tick()
        while not self._service.stop.wait(seconds):
            self.tick()

    def tick(self) -> None:
        """Do what is due now; a step that fails stops no other."""
        for step in (self.make_periodic_jobs, self.make_waiting_jobs, self.sweep, self.watch_work):
            _guard(step)

    def make_periodic_jobs(self) -> None:
        """Make a job for each moment that has come since the last tick."""
        now = self._service.clock()
        for task in PERIODIC.values():
            for key, seconds in task.list_periods(self._service.config).items():
                last, early = find_last_moment(now, seconds), task.find_early(self._service, key)
                planned = early if early is not None and last < early <= now else last
                self._make_periodic_job(task, key, planned, now)

    def _make_periodic_job(
        self, task: PeriodicTask, key: str, planned: datetime, now: datetime
    ) -> None:
        seen = self._seen.get((task.name, key))
        # One that has not come was seen before the clock was set back.
        if seen is not None and planned <= seen <= now:
            return
        job = QueuedJob(task.name, key, task.queue, task.priority)
        with self._service.ledger.writing_shard() as connection:
            queued_jobs.add_tick(connection, job, planned)
        self._seen[task.name, key] = planned

    def make_waiting_jobs(self) -> None:
        """Make a job for whatever waits and was not announced, or whose announcement was lost."""
        with self._service.ledger.reading() as connection:
            waiting = [job for name in TASKS for job in list_jobs(self._service, connection, name)]
            missing = queued_jobs.list_missing(connection, waiting)
        if missing:
            with self._service.ledger.writing_shard() as connection:
                queued_jobs.add(connection, missing)

    def sweep(self) -> None:
        """Give the jobs of dead workers to others."""
        service = self._service
        sweep_stalled(service.ledger, service.config.cluster.stalled_seconds, service.clock())

    def watch_work(self) -> None:
        """Raise or clear the alarms about the cluster. The scheduler sends them itself.

        They are about workers that do nothing, who would not send them either.
        """
        service, now = self._service, self._service.clock()
        with service.ledger.reading() as connection:
            reasons = find_cluster_alarms(connection, now)
            if are_cluster_alarms_true(connection, reasons):
                return
        with service.ledger.writing() as connection:
            update_cluster_alarms(connection, reasons, now)
        tell_operator(service)


def find_last_moment(now: datetime, seconds: float) -> datetime:
    """Return the last moment of a period that has come, the same on every machine."""
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def _guard(step: Callable[[], None]) -> None:
    """Run a step of a tick; log what it raises. The next tick does it again."""
    try:
        step()
    except LedgerUnavailable as error:
        log.error("a step failed", step=step.__name__, reason=error)
    except Exception:  # the boundary of a step: no defect may end the scheduler
        log.exception("a step failed", step=step.__name__)
