"""The sweep: jobs are taken from the dead. The engine does not do it by itself."""

from __future__ import annotations

import logging

from alerts.ledger import Ledger, queued_jobs

log = logging.getLogger("watchword.cluster")


def sweep_stalled(ledger: Ledger, stalled_seconds: float) -> None:
    """Give the jobs of workers that were not heard of for so long to others.

    Called by every scheduler, and by each worker when it starts. It is not a job itself: a job
    could be killed, and nobody would take it over.
    """
    with ledger.reading() as connection:
        if not queued_jobs.has_stalled(connection, stalled_seconds):
            return
    with ledger.writing_shard() as connection:
        done = queued_jobs.release_stalled(connection, stalled_seconds)
    log.warning(
        "jobs of dead workers: %d given to others, %d done by another job, %d given up",
        done.retried,
        done.dropped,
        done.given_up,
    )
