"""How the service is: what each source's last crawls were like, and what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    crawl_runs,
    deliveries,
    held_changes,
    notices,
    pauses,
    questions,
    refused_pages,
)
from alerts.ledger.held_changes import HeldChangeGroup
from alerts.ledger.publication_delays import measure_delay
from alerts.model import Alarm
from alerts.operator.status import Proportion, ServiceStatus, SourceStatus
from alerts.recording import find_backoff_end
from crawler.report import CrawlReport, decode_stored_report
from scheduler.config import Config

_DELAY_PERIOD = timedelta(days=30)


def build_status(connection: Connection, config: Config, now: datetime) -> ServiceStatus:
    """The state of the service at ``now``, from the ledger alone."""
    standing = alarms.list_open(connection)
    waiting = held_changes.list_awaiting_approval(connection)
    return ServiceStatus(
        now=now,
        sources=tuple(
            _build_source_status(connection, name, source.host, standing, waiting, now)
            for name, source in config.sources.items()
            if source.enabled
        ),
        messages=deliveries.count_by_phase(connection),
        paused=pauses.list_pauses(connection),
    )


def _build_source_status(
    connection: Connection,
    name: str,
    place: str,
    standing: list[Alarm],
    waiting: list[HeldChangeGroup],
    now: datetime,
) -> SourceStatus:
    last = crawl_runs.list_recent(connection, name, 1)
    good = crawl_runs.get_last_complete_finish(connection, name)
    read = next(iter(crawl_runs.list_recent(connection, name, 1, ("ok",))), None)
    report = decode_stored_report(read.report) if read else None
    until = find_backoff_end(connection, name, now)
    notice = notices.find_latest(connection, name)
    return SourceStatus(
        source=name,
        place=place,
        last_good=good,
        hours_since_good=round((now - good) / timedelta(hours=1), 1) if good else None,
        verdict=last[0].verdict if last else None,
        reason=last[0].reason if last else None,
        resting_until=until,
        fill_rates=_build_fill_rates(report) if report else {},
        agreement=_compute_agreement(report) if report else None,
        questions=questions.count_by_status(connection, name),
        refused=refused_pages.count(connection, name),
        held=tuple(entry for entry in waiting if entry.source == name),
        alarms=tuple(alarm for alarm in standing if alarm.source == name),
        are_subscribers_notified=notice is not None and notice.kind == "unavailable",
        delay=measure_delay(connection, name, now - _DELAY_PERIOD),
    )


def _build_fill_rates(report: CrawlReport) -> dict[str, Proportion]:
    """How often each field was there in a report."""
    return {name: Proportion(filled, of) for name, (filled, of) in sorted(report.filled.items())}


def _compute_agreement(report: CrawlReport) -> Proportion | None:
    """How often the two readings of a field found the same."""
    agreed, differed = sum(report.agreed.values()), sum(report.differed.values())
    return Proportion(agreed, agreed + differed) if agreed + differed else None
