"""Deleting what is old, once a day."""

from __future__ import annotations

import time
from datetime import timedelta

from alerts.ledger import jobs
from alerts.ledger.retention import prune
from crawler.event_log import get_logger
from scheduler.service import Service

log = get_logger("watchword.jobs")

#: The name in the ledger under which it is noted when it was last done.
_JOB = "prune"
_INTERVAL = timedelta(days=1)
#: Of one day. At 500 messages in 50 ms, this is a million messages: more than a day brings.
_MAX_SECONDS = 120.0


def prune_daily(service: Service) -> None:
    """Delete what is older than the config wants, unless that was done within a day.

    It stops after some minutes; what is left is deleted the next day.
    """
    now = service.clock()
    with service.ledger.reading() as connection:
        last = jobs.get_good_end(connection, _JOB)
    if last is not None and timedelta() <= now - last < _INTERVAL:
        return
    end = time.monotonic() + _MAX_SECONDS
    deleted = prune(
        service.ledger,
        service.config.retention.compute_limits(now),
        is_stopped=lambda: service.stop.is_set() or time.monotonic() > end,
    )
    if deleted:
        log.info("deleted what is old", **deleted)
    with service.ledger.writing() as connection:
        jobs.begin(connection, _JOB, now)
        jobs.end_well(connection, _JOB, service.clock())
