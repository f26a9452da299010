"""What pages ask of a cluster."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.ledger import queued_jobs
from alerts.ledger.queued_jobs import QueuedJob
from scheduler.cluster.periodic import PERIODIC
from scheduler.cluster.ticks import find_last_moment
from scheduler.service import Service


class ClusterControls:
    """Asks the workers by jobs, as the pages of a daemon ask the daemon."""

    def __init__(self, service: Service) -> None:
        """Ask the workers of a service's ledger."""
        self._service = service
        self._periods = PERIODIC["crawl"].list_periods(service.config)

    def crawl_now(self, source: str) -> bool:
        """Let a worker crawl a source; return False if there is no such enabled source."""
        if source not in self._periods:
            return False
        task = PERIODIC["crawl"]
        with self._service.ledger.writing_shard() as connection:
            queued_jobs.add(connection, [QueuedJob(task.name, source, task.queue, task.priority)])
        return True

    def find_next_crawl(self, source: str) -> datetime | None:
        """Return when a source is crawled next; None if there is no such enabled source."""
        seconds = self._periods.get(source)
        if seconds is None:
            return None
        usual = find_last_moment(self._service.clock(), seconds) + timedelta(seconds=seconds)
        early = PERIODIC["crawl"].find_early(self._service, source)
        return min(usual, early) if early else usual

    def deliver_soon(self) -> None:
        """Let a worker deliver what is in the outbox."""
        with self._service.ledger.writing_shard() as connection:
            queued_jobs.announce(connection, ["deliver"])
