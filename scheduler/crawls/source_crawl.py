"""A crawl of a configured source: whether it may start, and what happens around it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from alerts.ledger import pauses
from alerts.recording import (
    CrawlOutcome,
    CrawlPolicy,
    find_backoff_end,
    find_early_try,
    plan_crawl,
)
from crawler.archive import delete_oldest_captures
from crawler.event_log import get_logger
from crawler.plan import CrawlPlan
from crawler.report import CrawlLine
from scheduler.clock_check import check_clock
from scheduler.config import ArchiveSection
from scheduler.crawl_process import build_crawl_target
from scheduler.crawls.crawl import crawl_source
from scheduler.pings import CrawlPings
from scheduler.service import Service
from scheduler.takedown import erase_taken_down

log = get_logger("watchword.jobs")


def run_crawl(
    service: Service, name: str, on_line: Callable[[CrawlLine], None] = lambda _: None
) -> CrawlOutcome:
    """Crawl a source and record what it brings, unless it is paused or has just refused us.

    Args:
        service: The service.
        name: The source: ``london``.
        on_line: Called with each line before it is recorded, to show progress.

    Returns:
        The outcome; ``blocked`` with a reason where no crawl was made, and ``partial`` where it
        failed for a reason that nobody foresaw.

    Raises:
        ClockDoubted: The clock is far ahead of the last round, and nothing bears it out.
    """
    notes, job = service.note_jobs(), f"crawl {name}"
    pings = CrawlPings(service.config.ping, name)
    with notes.noting_loss(job):
        if reason := find_obstacle(service, name):
            log.info("no crawl is made", source=name, reason=reason)
            pings.skip(reason)
            return CrawlOutcome(name, "blocked", reason, {})
        check_clock(service)
    with pings.around() as outcomes:
        outcome = notes.run(job, lambda: _crawl(service, name, on_line), None)
        if outcome is None:
            reason = f"it failed: {notes.failures[0].reason}"
            outcome = CrawlOutcome(name, "partial", reason, {})
        outcomes.append(outcome)
    return outcome


def _crawl(service: Service, name: str, on_line: Callable[[CrawlLine], None]) -> CrawlOutcome:
    log.info("crawl starts", source=name)
    started_at = datetime.now(UTC)  # compared with the times of files, which the machine sets
    outcome = crawl_source(
        service.ledger,
        plan_next_crawl(service, name),
        service.clock,
        build_policy(service, name),
        on_line=on_line,
        stop=service.stop,
    )
    erase_taken_down(service, name, started_at)
    _prune_archive(service.config.archive)
    level = logging.INFO if outcome.verdict in {"ok", "empty"} else logging.WARNING
    log.log(level, "crawl ended", source=name, verdict=outcome.verdict, reason=outcome.reason)
    return outcome


def plan_next_crawl(service: Service, name: str) -> CrawlPlan:
    """Return the plan of a crawl of the source ``name`` that starts now."""
    target = build_crawl_target(service.config, name)
    with service.ledger.reading() as connection:
        return plan_crawl(connection, target, build_policy(service, name), service.clock())


def build_policy(service: Service, name: str) -> CrawlPolicy:
    """Return how crawls of the source ``name`` are planned, recorded and judged."""
    source = service.config.sources[name]
    return CrawlPolicy(
        days_back=source.days_back,
        days_ahead=source.days_ahead,
        max_revisits=source.max_revisits,
        guard_days=source.guard_days,
        flood_from=source.flood_from,
        alarm_after=service.config.operator.alarm_after,
    )


def get_backoff_end(service: Service, name: str) -> datetime | None:
    """Return until when a source that asked for it is left alone, None if it may be crawled."""
    with service.ledger.reading() as connection:
        return find_backoff_end(connection, name, service.clock())


def find_early_crawl(service: Service, name: str) -> datetime | None:
    """Return when a source that was never read in full is crawled before its usual time.

    None if it is not: it was read once, it refuses us, it is paused, or has failed too often.
    """
    if find_crawl_pause(service, name):
        return None
    with service.ledger.reading() as connection:
        return find_early_try(connection, name, service.config.sources[name].period)


def find_obstacle(service: Service, name: str) -> str | None:
    """Return why the source ``name`` must not be crawled now, None if it may be."""
    if reason := find_crawl_pause(service, name):
        return reason
    if until := get_backoff_end(service, name):
        return f"the source refuses us; it is left alone until {until:%Y-%m-%d %H:%M} UTC"
    return None


def find_crawl_pause(service: Service, name: str) -> str | None:
    """Return since when the operator has paused crawls of a source, in words; None if not."""
    with service.ledger.reading() as connection:
        since = pauses.find(connection, "crawl", name)
    return f"crawls are paused since {since:%Y-%m-%d %H:%M} UTC" if since else None


def _prune_archive(archive: ArchiveSection) -> None:
    if archive.enabled:
        for path in delete_oldest_captures(archive.path, archive.max_gigabytes):
            log.warning(
                "a file of captures was deleted to stay within archive.max_gigabytes",
                file=path,
                gigabytes=archive.max_gigabytes,
            )
