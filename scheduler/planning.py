"""What the next crawl of a source is to list and to look at again, from the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import questions
from alerts.ledger.questions import Waiting
from crawler.plan import Manners, Plan, Visit, Window
from scheduler.config import SourceSection

#: How long an answered question is looked at again for corrections.
RECHECK_DAYS = 60
_RECHECK_EVERY = timedelta(days=7)

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
    return Plan(
        source=name,
        base_url=source.url.rstrip("/"),
        manners=manners,
        windows=(Window(since, until),),
        known=questions.identities(connection, name, since, until),
        revisit=tuple(Visit(v) for v in revisits(visits, now, source.max_revisits)),
    )


def revisits(visits: list[Waiting], now: datetime, ceiling: int) -> tuple[str, ...]:
    """Addresses of the questions whose visit is due, the longest overdue first. Pure."""
    due = sorted((next_visit(v), v.url) for v in visits)
    return tuple(url for moment, url in due if moment <= now)[:ceiling]


def next_visit(visit: Waiting) -> datetime:
    """When a question is to be looked at again. Pure."""
    if visit.status == "answered":
        return visit.visited_at + _RECHECK_EVERY
    start = visit.meeting_date or visit.first_seen_at.date()
    age = (visit.visited_at.date() - start).days
    wait = next((wait for days, wait in _PATIENCE if age <= days), _AT_LAST)
    return visit.visited_at + wait
