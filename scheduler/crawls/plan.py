"""What the next crawl of a source is to list and to look at again, from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile

from sqlalchemy import Connection

from alerts.ledger import questions, refusals
from alerts.ledger.questions import Waiting
from alerts.ledger.runs import Run
from crawler.fetching.plan import Manners, Plan, Visit, Window
from scheduler.config.sections import SourceSection

#: How long an answered question is looked at again for corrections.
RECHECK_DAYS = 60
_RECHECK_EVERY = timedelta(days=7)

#: A listing is asked for so many days at a time.
_WINDOW = timedelta(days=31)
_OVERLAP = timedelta(days=3)
#: How often a page is tried again that the server keeps to itself.
_REFUSED_EVERY = timedelta(hours=24)
#: How long a source is left alone after it has refused us, at first and at most.
_REST = timedelta(hours=3)
_LONGEST_REST = timedelta(hours=12)

#: (days since the meeting, time between two visits) while there is no real answer. The rule is
#: three working days, practice is three to five weeks, and a few come after a year.
_PATIENCE = (
    (-1, timedelta(days=1)),
    (14, timedelta(hours=6)),
    (60, timedelta(days=1)),
    (365, timedelta(days=7)),
)
_AT_LAST = timedelta(days=30)


def plan_crawl(
    connection: Connection, name: str, source: SourceSection, manners: Manners, now: datetime
) -> Plan:
    """The plan for the source ``name`` at ``now``.

    The listing's dates are those of meetings, not of publication: supplementaries appear weeks
    after their meeting and questions before it, so each crawl lists all of a wide window.
    """
    since = (now - timedelta(days=source.days_back)).date()
    until = (now + timedelta(days=source.days_ahead)).date()
    visits = questions.open_visits(connection, name, now - timedelta(days=RECHECK_DAYS))
    refused = refusals.recent(connection, name, now - _REFUSED_EVERY)
    return Plan(
        source=name,
        base_url=source.url.rstrip("/"),
        manners=manners,
        windows=windows(since, until),
        known=(*questions.identities(connection, name, since, until), *refused),
        revisit=revisits(visits, now, source.max_revisits),
        max_seconds=source.max_minutes * 60,
    )


def windows(since: date, until: date) -> tuple[Window, ...]:
    """The days from ``since`` to ``until`` in windows that overlap, the newest first. Pure.

    Newest first, so that news never waits behind the past. They overlap because rows move: a
    question whose meeting is put off while we list would slip through between two windows.
    """
    found: list[Window] = []
    end = until
    while True:
        begin = end - _WINDOW
        if begin - since <= _OVERLAP:  # not worth a listing of its own
            begin = since
        found.append(Window(begin, end))
        if begin == since:
            return tuple(found)
        end = begin + _OVERLAP


def revisits(visits: list[Waiting], now: datetime, ceiling: int) -> tuple[Visit, ...]:
    """The questions whose visit is due, the longest overdue first. Pure."""
    due = sorted((next_visit(v), v.url, v) for v in visits)
    return tuple(Visit(url, v.etag, v.last_modified) for moment, url, v in due if moment <= now)[
        :ceiling
    ]


def resting_until(last: Sequence[Run]) -> datetime | None:
    """Until when a source is left alone that has refused us as a whole. Pure.

    ``last`` are its newest runs, newest first. Asking again at once is what gets a crawler
    blocked for good, so each refusal in a row doubles the wait.
    """
    blocked = list(takewhile(lambda run: run.verdict == "blocked", last))
    if not blocked or blocked[0].finished_at is None:
        return None
    return blocked[0].finished_at + min(_REST * (1 << (len(blocked) - 1)), _LONGEST_REST)


def next_visit(visit: Waiting) -> datetime:
    """When a question is to be looked at again. Pure."""
    if visit.status == "answered":
        return visit.visited_at + _RECHECK_EVERY
    start = visit.meeting_date or visit.first_seen_at.date()
    age = (visit.visited_at.date() - start).days
    wait = next((wait for days, wait in _PATIENCE if age <= days), _AT_LAST)
    return visit.visited_at + wait
