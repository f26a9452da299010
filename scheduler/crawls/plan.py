"""What the next crawl of a source is to list and to look at again, from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection

from alerts.ledger import questions, refused_pages
from alerts.ledger.crawl_runs import CrawlRun
from alerts.ledger.questions import RevisitCandidate
from crawler.fetching.crawl_plan import CrawlPlan, KnownPage, ListingWindow, PolitenessSettings
from scheduler.config import SourceSection

#: How long an answered question is looked at again for corrections.
RECHECK_DAYS = 60
_RECHECK_INTERVAL = timedelta(days=7)

#: A listing is asked for so many days at a time.
_WINDOW_LENGTH = timedelta(days=31)
_OVERLAP = timedelta(days=3)
#: How often a page is tried again that the server keeps to itself.
_REFUSED_RETRY_INTERVAL = timedelta(hours=24)
#: How long a source is left alone after it has refused us, at first and at most.
_FIRST_BACKOFF = timedelta(hours=3)
_MAX_BACKOFF = timedelta(hours=12)

#: (days since the meeting, time between two visits) while there is no real answer. The rule is
#: three working days, practice is three to five weeks, and a few come after a year.
_VISIT_INTERVALS = (
    (-1, timedelta(days=1)),
    (14, timedelta(hours=6)),
    (60, timedelta(days=1)),
    (365, timedelta(days=7)),
)
_LAST_VISIT_INTERVAL = timedelta(days=30)


def plan_crawl(
    connection: Connection,
    name: str,
    source: SourceSection,
    politeness: PolitenessSettings,
    now: datetime,
) -> CrawlPlan:
    """The plan for the source ``name`` at ``now``.

    The listing's dates are those of meetings, not of publication: supplementaries appear weeks
    after their meeting and questions before it, so each crawl lists all of a wide window.
    """
    since = (now - timedelta(days=source.days_back)).date()
    until = (now + timedelta(days=source.days_ahead)).date()
    visits = questions.list_revisit_candidates(connection, name, now - timedelta(days=RECHECK_DAYS))
    refused = refused_pages.list_recent(connection, name, now - _REFUSED_RETRY_INTERVAL)
    return CrawlPlan(
        source=name,
        base_url=source.url.rstrip("/"),
        politeness=politeness,
        windows=split_into_windows(since, until),
        known_ids=(*questions.list_identities(connection, name, since, until), *refused),
        revisits=select_due_visits(visits, now, source.max_revisits),
        max_seconds=source.max_minutes * 60,
    )


def split_into_windows(since: date, until: date) -> tuple[ListingWindow, ...]:
    """The days from ``since`` to ``until`` in windows that overlap, the newest first. Pure.

    Newest first, so that news never waits behind the past. They overlap because rows move: a
    question whose meeting is put off while we list would slip through between two windows.
    """
    found: list[ListingWindow] = []
    end = until
    while True:
        begin = end - _WINDOW_LENGTH
        if begin - since <= _OVERLAP:  # not worth a listing of its own
            begin = since
        found.append(ListingWindow(begin, end))
        if begin == since:
            return tuple(found)
        end = begin + _OVERLAP


def select_due_visits(
    visits: list[RevisitCandidate], now: datetime, limit: int
) -> tuple[KnownPage, ...]:
    """The questions whose visit is due, the longest overdue first. Pure."""
    due = sorted((compute_next_visit(v), v.url, v) for v in visits)
    return tuple(
        KnownPage(url, v.etag, v.last_modified) for moment, url, v in due if moment <= now
    )[:limit]


def compute_backoff_end(recent_runs: Sequence[CrawlRun]) -> datetime | None:
    """Until when a source is left alone that has refused us as a whole. Pure.

    ``recent_runs`` are its newest runs, newest first. Asking again at once is what gets a crawler
    blocked for good, so each refusal in a row doubles the wait.
    """
    blocked = list(takewhile(lambda run: run.verdict == "blocked", recent_runs))
    if not blocked or blocked[0].finished_at is None:
        return None
    return blocked[0].finished_at + min(_FIRST_BACKOFF * (1 << (len(blocked) - 1)), _MAX_BACKOFF)


def compute_next_visit(visit: RevisitCandidate) -> datetime:
    """When a question is to be looked at again. Pure."""
    if visit.status == "answered":
        return visit.visited_at + _RECHECK_INTERVAL
    start = visit.meeting_date or visit.first_seen_at.date()
    age = (visit.visited_at.date() - start).days
    wait = next((wait for days, wait in _VISIT_INTERVALS if age <= days), _LAST_VISIT_INTERVAL)
    return visit.visited_at + wait
