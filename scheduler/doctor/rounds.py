"""Checks of what the service has done: the time since its last good run, and its open alarms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from alerts.ledger import Ledger, find_ledger, inspection
from alerts.operator import Health, build_brief_status
from scheduler.doctor.examination import Examination
from scheduler.doctor.report import CheckResult, failed, ok, skipped, warning


def open_current_ledger(examination: Examination) -> Ledger | None:
    """Open the ledger if it is there and has the newest schema; upgrade nothing."""
    url = examination.config.ledger.url.reveal()
    facts = inspection.inspect_ledger(url)
    if facts is None or facts.schema != facts.newest_schema or facts.damage:
        return None
    return find_ledger(url, role="doctor")


def check_rounds(examination: Examination) -> Iterator[CheckResult]:
    """Check what `watchword status` judges by, source by source."""
    name = "runs.status"
    ledger = open_current_ledger(examination)
    if ledger is None:
        yield skipped(name, "there is no ledger yet, or it has to be upgraded")
        return
    config, now = examination.config, examination.clock()
    try:
        with ledger.reading() as connection:
            status = build_brief_status(connection, config.source_hosts, now, config.health_limits)
    finally:
        ledger.engine.dispose()
    for source in status.sources:
        last = source.last_good
        shown = f"last read completely {_format_age(now, last)}" if last else "not read yet"
        state = ok if last else skipped
        yield state("runs.crawl", f"{source.source}: {shown}")
    for finding in status.findings:
        detail = f"{finding.subject}: {finding.label}"
        advice = finding.reason or "see `watchword status`"
        state_of = failed if finding.state is Health.TROUBLE else warning
        yield state_of(name, detail, advice)
    if not status.findings:
        yield ok(name, "all is well, as `watchword status` judges")


def _format_age(now: datetime, then: datetime) -> str:
    hours = (now - then).total_seconds() / 3600
    return f"{hours:.1f} hours ago"
