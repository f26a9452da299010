"""The sweep: jobs are taken from the dead. The engine does not do it by itself."""

from __future__ import annotations

from datetime import datetime

from alerts.ledger import Ledger, jobs, queued_jobs
from crawler.event_log import get_logger
from scheduler.tasks import TASKS

log = get_logger("watchword.cluster")

_ENDS = {"todo": "given to another", "aborted": "done by another job", "failed": "given up"}


def sweep_stalled(ledger: Ledger, stalled_seconds: float, now: datetime) -> None:
    """Give the jobs of workers that were not heard of for so long to others.

    Called by every scheduler, and by each worker when it starts. It is not a job itself: a job
    could be killed, and nobody would take it over.
    """
    with ledger.reading() as connection:
        is_ahead = queued_jobs.is_ahead(connection)
        if not is_ahead and not queued_jobs.has_stalled(connection, stalled_seconds):
            return
    if is_ahead:
        log.warning("the clock of the database was set back; what it had dated is dated now")
        with ledger.writing_shard() as connection:
            queued_jobs.bring_back(connection)
    with ledger.writing_shard() as connection:
        released = queued_jobs.release_stalled(connection, stalled_seconds)
        for job in released:
            if job.task in TASKS:
                jobs.note_death(connection, job.task, now, shard=job.key)
    for job in released:
        log.warning("a job had a dead worker", job=job.task, shard=job.key, then=_ENDS[job.status])
