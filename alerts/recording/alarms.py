"""The alarms about a source: raised when it needs the operator, cleared when it no longer does.

The operator is notified of an alarm once when it is raised and once when it is cleared. Subscribers
are told, in their next digest, only of a source that has not been read for long, and later that
it can be read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import alarms, crawl_runs, held_changes, notices
from alerts.ledger.held_changes import HeldChangeGroup
from alerts.recording.verdict import COMPLETE_VERDICTS, TRANSIENT_VERDICTS, CrawlOutcome

#: Alarms that the end of a crawl raises or clears: those named after a verdict, and three others.
_CRAWL_ALARMS = (
    *("changed", "blocked", "unreachable", "partial"),
    *("missing", "redirect_refused", "archive"),
)
#: Alarms that the passing of time raises or clears.
_SOURCE_ALARMS = ("awaiting_approval", "unavailable")
#: A source is silent only if a crawl was tried in the last day, not if this service was off.
_RECENT_PERIOD = timedelta(hours=24)


def update_crawl_alarms(
    connection: Connection, outcome: CrawlOutcome, alarm_after: int, now: datetime
) -> None:
    """Raise and clear the alarms that the end of a crawl decides.

    Args:
        connection: A connection that may write; the run of ``outcome`` is already finished on it.
        outcome: The crawl that has ended.
        alarm_after: How many transient failures in a row raise an alarm: 3.
        now: Aware, in UTC.
    """
    recent = crawl_runs.list_recent(connection, outcome.source, alarm_after)
    reasons = find_crawl_alarms(outcome, [run.verdict for run in recent], alarm_after)
    alarms.update_open(connection, outcome.source, reasons, _CRAWL_ALARMS, now)


def find_crawl_alarms(
    outcome: CrawlOutcome, recent_verdicts: Sequence[str | None], alarm_after: int
) -> dict[str, str]:
    """Return the alarms that a crawl gives reason for, as kind → reason. Pure.

    ``recent_verdicts`` are those of the newest runs, of this one first.
    """
    found: dict[str, str] = {}
    if outcome.verdict in TRANSIENT_VERDICTS:  # they count when they come in a row
        last = recent_verdicts[:alarm_after]
        if len(last) == alarm_after and all(verdict in TRANSIENT_VERDICTS for verdict in last):
            found[outcome.verdict] = f"{outcome.reason} ({alarm_after} crawls in a row)"
    elif outcome.verdict not in COMPLETE_VERDICTS:
        found[outcome.verdict] = outcome.reason
    report = outcome.report
    if report is not None and (report.missing or report.listings_short):
        pages = ", ".join(report.missing) or "a listing showed more questions than it linked to"
        found["missing"] = f"listed but not read: {pages}"
    if report is not None and report.redirects_refused:
        refused = [str(f) for f in report.failures if f.kind == "redirect_refused"]
        found["redirect_refused"] = "; ".join(refused) or "answers led away from the source"
    if report is not None and report.captures_lost:
        why = next((f.detail for f in report.failures if f.kind == "archive"), "no reason is known")
        found["archive"] = f"{report.captures_lost} captures could not be kept: {why}"
    return found


def update_source_alarms(
    connection: Connection, source: str, host: str, silent_hours: float, now: datetime
) -> None:
    """Raise and clear the alarms and notices that the passing of time decides.

    Args:
        connection: A connection that may write.
        source: The source's name in the config: ``london``.
        host: The source as subscribers know it: ``www.london.gov.uk``.
        silent_hours: Hours without a good crawl after which the source counts as silent.
        now: Aware, in UTC.
    """
    since = crawl_runs.get_last_complete_finish(connection, source)
    since = since or crawl_runs.get_first_start(connection, source)
    is_silent = (
        since is not None
        and now - since > timedelta(hours=silent_hours)
        and crawl_runs.has_finished_since(connection, source, now - _RECENT_PERIOD)
    )
    held = [
        group for group in held_changes.list_awaiting_approval(connection) if group.source == source
    ]
    reasons = find_source_alarms(held, since if is_silent else None)
    alarms.update_open(connection, source, reasons, _SOURCE_ALARMS, now)
    if since is not None:
        _update_notice(connection, source, host, since, now, is_silent=is_silent)


def find_source_alarms(
    held: Sequence[HeldChangeGroup], silent_since: datetime | None
) -> dict[str, str]:
    """Return the alarms of a source that do not depend on its last crawl, as kind → reason. Pure.

    ``silent_since`` is when the source was last read, None where it is not silent.
    """
    found: dict[str, str] = {}
    if held:
        number = sum(group.changes for group in held)
        reasons = ", ".join(sorted({group.reason for group in held}))
        found["awaiting_approval"] = (
            f"{number:,} {'change waits' if number == 1 else 'changes wait'} for approval "
            f"({reasons}): see `watchword approvals`"
        )
    if silent_since is not None:
        found["unavailable"] = f"no good crawl since {silent_since:%Y-%m-%d %H:%M} UTC"
    return found


def _update_notice(
    connection: Connection,
    source: str,
    host: str,
    since: datetime,
    now: datetime,
    *,
    is_silent: bool,
) -> None:
    """Add a notice when a source has fallen silent, and when it can be read again."""
    last = notices.find_latest(connection, source)
    was_silent = last is not None and last.kind == "unavailable"
    if is_silent and not was_silent:
        notices.add(connection, source, host, "unavailable", since, now)
    elif last is not None and was_silent and since > last.created_at:
        notices.add(connection, source, host, "restored", last.since, now)
