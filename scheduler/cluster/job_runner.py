"""One run of a job: with a service that is fenced, and with its failure noted."""

from __future__ import annotations

import logging

from alerts.ledger import LedgerUnavailable, WriterLost, jobs
from alerts.ledger.queued_jobs import JobClaim
from alerts.operator import update_job_alarms
from scheduler.cluster.work_queues import WorkFunction
from scheduler.job_notes import describe_failure
from scheduler.service import Service

log = logging.getLogger("watchword.cluster")


def run_job(service: Service, name: str, function: WorkFunction, claim: JobClaim, key: str) -> None:
    """Run a job; it ends well for the engine, whatever happens.

    What has failed still waits in the ledger, so that the next look makes a new job for it. The
    failure is noted as that of a round of a single process is, with the same alarm.

    Args:
        service: The service of the worker.
        name: The task.
        function: What it does.
        claim: This run. Every transaction of the job that writes holds it.
        key: Which piece.
    """
    begun_at = service.clock()
    fenced = service.with_ledger(service.ledger.fenced_by(claim))
    try:
        function(fenced, key)
        _note_good_end(service, name)
    except WriterLost as error:
        log.warning("%s %s stopped: %s", name, key, error)
    except LedgerUnavailable as error:  # it cannot be noted either
        log.error("%s %s failed: %s", name, key, error)
    except Exception as error:  # the boundary of a job: no defect may end the worker
        failure = describe_failure(name, error)
        log.exception("%s %s failed: %s", name, key, failure.reason)
        now = service.clock()
        with service.ledger.writing() as connection:
            jobs.fail(connection, name, failure.reason, begun_at, now)
            update_job_alarms(connection, now)


def _note_good_end(service: Service, name: str) -> None:
    """Note that a task works, if its last run failed."""
    with service.ledger.reading() as connection:
        has_failed = any(
            one.failures_in_a_row for one in jobs.list_all(connection) if one.name == name
        )
    if has_failed:
        now = service.clock()
        with service.ledger.writing() as connection:
            jobs.end_well(connection, name, now)
            update_job_alarms(connection, now)
