"""Deleting what is old, once a day."""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import timedelta

from alerts.ledger import jobs
from alerts.ledger.retention import prune
from scheduler.service import Service

log = logging.getLogger("watchword.jobs")

#: The name of the job in the ledger.
PRUNING_JOB = "prune"
_PRUNING_INTERVAL = timedelta(days=1)
#: At 500 messages in 50 ms, this is a million messages: more than a day brings.
_MAX_PRUNING_SECONDS = 120.0


def is_pruning_due(service: Service) -> bool:
    """Return whether :func:`prune_ledger` has not ended well for a day."""
    with service.ledger.reading() as connection:
        last = jobs.get_good_end(connection, PRUNING_JOB)
    return last is None or not timedelta() <= service.clock() - last < _PRUNING_INTERVAL


def prune_ledger(service: Service) -> Counter[str]:
    """Delete what is older than the config wants; return how many rows of each table.

    It stops after some minutes; what is left is deleted the next time.
    """
    end = time.monotonic() + _MAX_PRUNING_SECONDS
    deleted = prune(
        service.ledger,
        service.config.retention.compute_limits(service.clock()),
        is_stopped=lambda: service.stop.is_set() or time.monotonic() > end,
    )
    if deleted:
        log.info("deleted what is old: %s", dict(deleted))
    return deleted
