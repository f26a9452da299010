"""When the operator and the subscribers are told that something is wrong with a source.

The operator hears of each trouble once when it begins and once when it is over; subscribers hear
only of a source that has not been read for long, in their next digest, and when it is mended.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection

from alerts.ledger import alarms, crawl_runs, deliveries, held_changes, notices
from crawler.fetching.crawl_plan import CrawlReport
from crawler.fetching.verdict import Verdict

#: What a crawl's end can raise or clear, beside its verdict.
_CRAWL_ALARMS = (
    *("changed", "blocked", "unreachable", "partial"),
    *("missing", "redirect_refused"),
)
_SOURCE_ALARMS = ("awaiting_approval", "unavailable")
_MAIL_ALARMS = ("queue", "content_rejected", "daily_limit")
#: So long a message may wait for its first attempt.
_MAX_QUEUE_DELAY = timedelta(hours=1)
#: So many refusals of content a day are no accident.
_MIN_CONTENT_REJECTIONS = 5
#: Verdicts that may be a hiccup of the line: they count when they come again and again.
_TRANSIENT_VERDICTS = frozenset(("unreachable", "partial"))
#: A source is not called silent because we were switched off: somebody must have tried.
_RECENT_PERIOD = timedelta(hours=24)


def update_crawl_alarms(
    connection: Connection,
    source: str,
    report: CrawlReport | None,
    verdict: Verdict,
    reason: str,
    alarm_after: int,
    now: datetime,
) -> None:
    """Raise and clear the alarms that the end of a crawl of ``source`` gives reason for."""
    troubles: dict[str, str] = {}
    if verdict in _TRANSIENT_VERDICTS:
        last = crawl_runs.list_recent(connection, source, alarm_after)
        if len(last) == alarm_after and all(run.verdict in _TRANSIENT_VERDICTS for run in last):
            troubles[verdict] = f"{reason} ({alarm_after} crawls in a row)"
    elif verdict not in {"ok", "empty"}:
        troubles[verdict] = reason
    if report is not None and (report.missing or report.listings_short):
        named = ", ".join(report.missing) or "a listing showed more than it linked to"
        troubles["missing"] = f"listed, and not read: {named}"
    if report is not None and report.redirects_refused:
        led = [line for line in report.errors if "redirect_refused" in line]
        troubles["redirect_refused"] = "; ".join(led) or "answers led away from the source"
    alarms.update_open(connection, source, troubles, _CRAWL_ALARMS, now)


def update_source_alarms(
    connection: Connection, source: str, host: str, silent_hours: float, now: datetime
) -> None:
    """Raise and clear the alarms and notices that time alone gives reason for."""
    troubles: dict[str, str] = {}
    waiting = [
        entry for entry in held_changes.list_awaiting_approval(connection) if entry.source == source
    ]
    if waiting:
        number = sum(entry.changes for entry in waiting)
        why = ", ".join(sorted({entry.reason for entry in waiting}))
        troubles["awaiting_approval"] = (
            f"{number} changes wait for you ({why}): see `watchword approvals`"
        )
    good = crawl_runs.get_last_complete_finish(connection, source) or crawl_runs.get_first_start(
        connection, source
    )
    silent = (
        good is not None
        and now - good > timedelta(hours=silent_hours)
        and crawl_runs.has_finished_since(connection, source, now - _RECENT_PERIOD)
    )
    if good is not None and silent:
        troubles["unavailable"] = f"no good crawl since {good:%Y-%m-%d %H:%M} UTC"
    alarms.update_open(connection, source, troubles, _SOURCE_ALARMS, now)
    if good is not None:
        _add_source_notice(connection, source, host, good, now, silent=silent)


def update_mail_alarms(
    connection: Connection, over_daily_limit: int, problem: str | None, now: datetime
) -> None:
    """Raise and clear the alarms about the way out."""
    troubles: dict[str, str] = {}
    oldest = deliveries.find_oldest_queued(connection, now)
    if oldest is not None and now - oldest > _MAX_QUEUE_DELAY:
        why = f": {problem}" if problem else ""
        troubles["queue"] = f"messages wait since {oldest:%Y-%m-%d %H:%M} UTC{why}"
    refused = deliveries.count_outcomes_since(connection, "content_rejected", now - _RECENT_PERIOD)
    if refused >= _MIN_CONTENT_REJECTIONS:
        troubles["content_rejected"] = (
            f"{refused} messages in 24 hours were refused for what they say, not for whom they "
            "are for: see `watchword deliveries --phase failed`"
        )
    if over_daily_limit:
        troubles["daily_limit"] = f"{over_daily_limit} digests wait, since mail.per_day is used up"
        troubles.pop("queue", None)  # that is why
    alarms.update_open(connection, None, troubles, _MAIL_ALARMS, now)


def _add_source_notice(
    connection: Connection, source: str, place: str, good: datetime, now: datetime, *, silent: bool
) -> None:
    """Tell subscribers of a source that has fallen silent, and of one that speaks again."""
    last = notices.find_latest(connection, source)
    told_silent = last is not None and last.kind == "unavailable"
    if silent and not told_silent:
        notices.add(connection, source, place, "unavailable", good, now)
    elif last is not None and told_silent and good > last.created_at:
        notices.add(connection, source, place, "restored", last.since, now)


def get_source_host(url: str) -> str:
    """The source as people know it: ``www.london.gov.uk``."""
    return urlsplit(url).hostname or url
