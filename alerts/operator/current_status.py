"""The state of the service, gathered from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    cluster_processes,
    crawl_runs,
    deliveries,
    held_changes,
    jobs,
    notices,
    pauses,
    questions,
    refused_pages,
)
from alerts.ledger.held_changes import HeldChangeGroup
from alerts.ledger.publication_delays import measure_delay, measure_reading_delay
from alerts.model import Alarm
from alerts.operator.completeness import RECENT_PERIOD, measure_completeness
from alerts.operator.disks import list_full_folders
from alerts.operator.health import HealthLimits, Observations, find_problems
from alerts.operator.service_status import BriefStatus, ServiceStatus
from alerts.operator.status import Proportion, SourceReading, SourceStatus
from alerts.recording import find_backoff_end, find_early_try
from crawler.report import CrawlReport, decode_stored_report

#: Publication delays of the last 30 days are shown: a month holds at least one meeting.
_DELAY_PERIOD = timedelta(days=30)


def build_status(
    connection: Connection,
    source_hosts: Mapping[str, str],
    now: datetime,
    limits: HealthLimits = HealthLimits(),  # noqa: B008  # it is frozen
) -> ServiceStatus:
    """Return the state of the service at ``now``.

    Args:
        connection: To the ledger.
        source_hosts: The enabled sources: name → host (``london`` → ``www.london.gov.uk``).
        now: The time now, aware, in UTC.
        limits: How long something may take before it counts as trouble.
    """
    seen = _observe(connection, source_hosts, now, limits)
    held_groups = held_changes.list_awaiting_approval(connection)
    sources = tuple(
        _build_source_status(connection, reading, seen.alarms, held_groups, now)
        for reading in seen.sources
    )
    return ServiceStatus(
        now=now,
        sources=sources,
        messages=deliveries.count_by_phase(connection),
        paused=tuple(seen.paused),
        jobs=tuple(seen.jobs),
        processes=tuple(one for one in seen.processes if one.is_alive(now)),
        findings=find_problems(seen, limits),
    )


def build_brief_status(
    connection: Connection,
    source_hosts: Mapping[str, str],
    now: datetime,
    limits: HealthLimits = HealthLimits(),  # noqa: B008  # it is frozen
) -> BriefStatus:
    """Return the judgement on the service without what is counted for it.

    It takes a millisecond, where :func:`build_status` counts the questions of each source.
    Arguments as of that function.
    """
    seen = _observe(connection, source_hosts, now, limits)
    return BriefStatus(now, tuple(seen.sources), find_problems(seen, limits))


def _observe(
    connection: Connection, source_hosts: Mapping[str, str], now: datetime, limits: HealthLimits
) -> Observations:
    return Observations(
        now=now,
        alarms=alarms.list_open(connection),
        jobs=tuple(jobs.list_all(connection)),
        sources=tuple(
            _read_source(connection, name, host, limits.crawl_periods.get(name))
            for name, host in source_hosts.items()
        ),
        paused=pauses.list_all(connection),
        full_folders=list_full_folders(limits.folders),
        processes=cluster_processes.list_all(connection),
    )


def _read_source(
    connection: Connection, name: str, host: str, period: timedelta | None
) -> SourceReading:
    last_run = next(iter(crawl_runs.list_recent(connection, name, 1)), None)
    return SourceReading(
        source=name,
        site_name=host,
        last_good=crawl_runs.get_last_complete_finish(connection, name),
        verdict=last_run.verdict if last_run else None,
        reason=last_run.reason if last_run else None,
        next_try=find_early_try(connection, name, period) if period and last_run else None,
    )


def _build_source_status(
    connection: Connection,
    reading: SourceReading,
    open_alarms: Sequence[Alarm],
    held_groups: Sequence[HeldChangeGroup],
    now: datetime,
) -> SourceStatus:
    name, last_good = reading.source, reading.last_good
    last_read = next(iter(crawl_runs.list_recent(connection, name, 1, ("ok",))), None)
    report = decode_stored_report(last_read.report) if last_read else None
    until = find_backoff_end(connection, name, now)
    notice = notices.find_latest(connection, name)
    return SourceStatus(
        **msgspec.structs.asdict(reading),
        hours_since_good=round((now - last_good) / timedelta(hours=1), 1) if last_good else None,
        backoff_until=until,
        fill_rates=_build_fill_rates(report) if report else {},
        agreement=_compute_agreement(report) if report else None,
        questions=questions.count_by_status(connection, name),
        refused_pages=refused_pages.count(connection, name),
        held=tuple(group for group in held_groups if group.source == name),
        alarms=tuple(alarm for alarm in open_alarms if alarm.source == name),
        are_subscribers_notified=notice is not None and notice.kind == "unavailable",
        delay=measure_delay(connection, name, now - _DELAY_PERIOD),
        reading_delay=measure_reading_delay(connection, name, now - _DELAY_PERIOD),
        completeness=measure_completeness(connection, name, (now - RECENT_PERIOD).date()),
    )


def _build_fill_rates(report: CrawlReport) -> dict[str, Proportion]:
    """Return how often each field was found, by field, in alphabetical order."""
    return {
        name: Proportion(filled, total) for name, (filled, total) in sorted(report.filled.items())
    }


def _compute_agreement(report: CrawlReport) -> Proportion | None:
    """Return how often both readings of a field agreed; None if nothing was read twice."""
    agreed, differed = sum(report.agreed.values()), sum(report.differed.values())
    return Proportion(agreed, agreed + differed) if agreed + differed else None
