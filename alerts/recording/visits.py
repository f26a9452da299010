"""The next visits: what the next crawl of a source lists and fetches, and when it may start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile

import msgspec
from sqlalchemy import Connection

from alerts.ledger import crawl_runs, held_changes, questions, refused_pages
from alerts.ledger.crawl_runs import CrawlRun
from alerts.ledger.questions import RevisitCandidate
from alerts.recording.rules import CrawlPolicy
from alerts.recording.verdict import TRANSIENT_VERDICTS
from crawler.plan import CrawlPlan, KnownPage, ListingWindow
from crawler.report import decode_stored_report

#: How long an answered question is visited again for corrections, and how often: eight visits.
_RECHECK_PERIOD = timedelta(days=60)
_RECHECK_INTERVAL = timedelta(days=7)

#: A listing is requested for at most a month at a time, with three days of overlap.
_WINDOW_LENGTH = timedelta(days=31)
_WINDOW_OVERLAP = timedelta(days=3)
#: A page that the server refuses is tried again once a day.
_REFUSED_RETRY_INTERVAL = timedelta(hours=24)
#: How long a source that refused us is left alone: 3, 6, then 12 hours.
_FIRST_BACKOFF = timedelta(hours=3)
_MAX_BACKOFF = timedelta(hours=12)
#: The wait stops growing at the third refusal in a row; ten runs hold that and some to spare.
_BACKOFF_RUNS = 10
#: How long after each failure in a row a source is tried again that was never read in full: whoever
#: sets a service up waits for its first crawl. Not sooner than after two minutes, the longest wait
#: that a source may ask for between two requests (120 s, crawler.fetching.middlewares).
_FIRST_WAITS = tuple(timedelta(minutes=minutes) for minutes in (2, 3, 5, 10, 20, 40))

#: (days since the meeting, time between two visits) while there is no real answer. The rule for
#: answers is three working days; in practice three to five weeks; a few come after a year.
_VISIT_INTERVALS = (
    (-1, timedelta(days=1)),
    (14, timedelta(hours=6)),
    (60, timedelta(days=1)),
    (365, timedelta(days=7)),
)
_LAST_VISIT_INTERVAL = timedelta(days=30)
#: A page that is missing or not believed is visited daily for a week: what passes is over by then.
_DOUBT_INTERVAL = timedelta(days=1)
_DOUBT_PERIOD = timedelta(days=7)


def plan_crawl(
    connection: Connection, target: CrawlPlan, policy: CrawlPolicy, now: datetime
) -> CrawlPlan:
    """Return ``target`` with the windows, known ids and revisits of a crawl at ``now``.

    A listing's dates are those of meetings, not of publication: supplementaries appear weeks after
    their meeting and questions before it. So each crawl lists all of a wide window.

    What a doubtful crawl has read is read again, whole: if a good crawl reads the same, it is so.

    Args:
        connection: A connection to the ledger.
        target: Where and how to crawl: source, address, politeness, archive.
        policy: How much to list and to visit again.
        now: Aware, in UTC.
    """
    since = (now - timedelta(days=policy.days_back)).date()
    until = (now + timedelta(days=policy.days_ahead)).date()
    candidates = questions.list_revisit_candidates(connection, target.source, now - _RECHECK_PERIOD)
    known = questions.list_identities(connection, target.source, since, until)
    refused = refused_pages.list_recent(connection, target.source, now - _REFUSED_RETRY_INTERVAL)
    again = held_changes.list_doubted_pages(connection, target.source, policy.max_revisits)
    due = select_due_visits(candidates, now, policy.max_revisits)
    return msgspec.structs.replace(
        target,
        windows=split_into_windows(since, until),
        known_ids=(*known, *refused),
        revisits=(*map(KnownPage, again), *(page for page in due if page.url not in again)),
    )


def split_into_windows(since: date, until: date) -> tuple[ListingWindow, ...]:
    """Return the days from ``since`` to ``until`` in overlapping windows, newest first. Pure.

    Newest first, so that new questions are read before old ones. Overlapping, because a question
    whose meeting is postponed while we list would otherwise slip through between two windows.
    """
    found: list[ListingWindow] = []
    end = until
    while True:
        begin = end - _WINDOW_LENGTH
        if begin - since <= _WINDOW_OVERLAP:  # too few days for a window of their own
            begin = since
        found.append(ListingWindow(begin, end))
        if begin == since:
            return tuple(found)
        end = begin + _WINDOW_OVERLAP


def select_due_visits(
    candidates: Sequence[RevisitCandidate], now: datetime, limit: int
) -> tuple[KnownPage, ...]:
    """Return the pages whose visit is due, the longest overdue first, at most ``limit``. Pure."""
    due = sorted((compute_next_visit(c), c.url, c) for c in candidates)
    return tuple(
        KnownPage(url, candidate.etag, candidate.last_modified)
        for moment, url, candidate in due
        if moment <= now
    )[:limit]


def compute_next_visit(candidate: RevisitCandidate) -> datetime:
    """Return when a question is to be visited again. Pure."""
    return candidate.visited_at + min(_find_usual_wait(candidate), _find_doubt_wait(candidate))


def _find_doubt_wait(candidate: RevisitCandidate) -> timedelta:
    """Return the wait for a page that was missing or not believed when it was last visited."""
    since = candidate.doubted_at or candidate.not_found_at
    if since is None or candidate.visited_at - since > _DOUBT_PERIOD:
        return timedelta.max
    return _DOUBT_INTERVAL


def _find_usual_wait(candidate: RevisitCandidate) -> timedelta:
    if candidate.status == "answered":
        return _RECHECK_INTERVAL
    start = candidate.meeting_date or candidate.first_seen_at.date()
    age = (candidate.visited_at.date() - start).days
    return next((wait for days, wait in _VISIT_INTERVALS if age <= days), _LAST_VISIT_INTERVAL)


def find_backoff_end(connection: Connection, source: str, now: datetime) -> datetime | None:
    """Return until when ``source`` is left alone, None if it may be crawled now."""
    end = compute_backoff_end(crawl_runs.list_recent(connection, source, _BACKOFF_RUNS))
    return end if end and end > now else None


def compute_backoff_end(recent_runs: Sequence[CrawlRun]) -> datetime | None:
    """Return until when a source that refused us is left alone, None if it is not. Pure.

    Each refusal in a row doubles the wait: a crawler that asks again at once gets blocked for good.
    A source that named a time by ``Retry-After`` is left alone until then at least.

    Args:
        recent_runs: The newest runs of the source, newest first.
    """
    if not recent_runs or recent_runs[0].finished_at is None:
        return None
    report = decode_stored_report(recent_runs[0].report)
    resume_at = report.resume_at if report else None
    refusals = len(list(takewhile(lambda run: run.verdict == "blocked", recent_runs)))
    if not refusals:
        return resume_at
    end = recent_runs[0].finished_at + min(_FIRST_BACKOFF * (1 << (refusals - 1)), _MAX_BACKOFF)
    return max(end, resume_at or end)


def find_early_try(connection: Connection, source: str, period: timedelta) -> datetime | None:
    """Return when a source whose crawls have failed so far is tried again, before its usual time.

    Args:
        connection: A connection to the ledger.
        source: The source: ``london``.
        period: Between two crawls of the source as usual.

    Returns:
        The time, which may be past; None if the source was read in full once, was not crawled yet,
        refuses us, or has failed so often that the usual time is soon enough.
    """
    if crawl_runs.get_last_complete_finish(connection, source) is not None:
        return None
    runs = crawl_runs.list_recent(connection, source, len(_FIRST_WAITS) + 1)
    return compute_early_try(runs, period)


def compute_early_try(runs: Sequence[CrawlRun], period: timedelta) -> datetime | None:
    """Return when to crawl again after runs none of which read everything. Pure.

    Args:
        runs: The newest runs of the source, newest first; one more than there are waits, if so.
        period: As for :func:`find_early_try`.
    """
    if not 0 < len(runs) <= len(_FIRST_WAITS) or runs[0].verdict not in TRANSIENT_VERDICTS:
        return None
    ended = runs[0].finished_at
    assert ended is not None  # it has a verdict
    moment = max(ended + _FIRST_WAITS[len(runs) - 1], compute_backoff_end(runs) or ended)
    return moment if moment < ended + period else None
