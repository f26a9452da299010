"""One run of a job: with a service that is fenced, and with its failure noted."""

from __future__ import annotations

from alerts.ledger import LedgerUnavailable, WriterLost
from alerts.ledger.queued_jobs import JobClaim
from crawler.event_log import get_logger
from scheduler.cluster.work_queues import WorkFunction
from scheduler.service import Service
from scheduler.tasks import TASKS

log = get_logger("watchword.cluster")


def run_job(service: Service, name: str, function: WorkFunction, claim: JobClaim, key: str) -> None:
    """Run a job; it ends well for the engine, whatever happens.

    What has failed still waits in the ledger, so that the next look makes a new job for it. The
    failure of a task is noted as that of a round of a single process is, with the same alarm. What
    is done by the clock notes its own.

    Args:
        service: The service of the worker.
        name: The task.
        function: What it does.
        claim: This run. Every transaction of the job that writes holds it.
        key: Which piece.
    """

    def work() -> None:
        """Do it. That it was given to another worker is no failure: that one does it."""
        try:
            function(service.with_ledger(service.ledger.fenced_by(claim)), key)
        except WriterLost as error:
            log.warning("a job stopped", job=name, shard=key, reason=error)

    try:
        if name in TASKS:
            service.note_jobs(is_alone=False).run(name, work, None, shard=key)
        else:
            work()
    except LedgerUnavailable as error:
        log.error("a job failed", job=name, shard=key, reason=error)
    except Exception:  # the boundary of a job: no defect may end the worker
        log.exception("a job failed", job=name, shard=key)
