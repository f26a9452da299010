"""What the home page counts: this month's questions, and what there is of each source."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from alerts.ledger.records import read_records
from alerts.ledger.schema import question

#: Titles that are read at most, newest first: what two months of a parliament bring. Each costs
#: 20 µs, since it is in the record.
_MAX_TITLES = 3000


class MonthCounts(NamedTuple):
    """How many questions were asked in a month, and how many of those are answered."""

    asked: int
    answered: int


class SourceCounts(NamedTuple):
    """What there is of a source."""

    questions: int
    first_day: date | None  #: of its oldest question; None where there is none


def count_month(connection: Connection, month: date) -> MonthCounts:
    """Return how many questions were asked since the first day of a month."""
    rows = connection.execute(
        select(question.c.status, func.count().label("number"))
        .where(
            question.c.status.in_(("unanswered", "holding", "answered")),  # lets the index be used
            question.c.meeting_date >= month,
            question.c.not_found_at.is_(None),
        )
        .group_by(question.c.status)
    )
    found = {row.status: row.number for row in rows}
    return MonthCounts(sum(found.values()), found.get("answered", 0))


def count_source(connection: Connection, source: str) -> SourceCounts:
    """Return how many questions of a source there are, and since when."""
    number = select(func.count()).where(question.c.source == source)
    first = select(func.min(question.c.meeting_date)).where(question.c.source == source)
    return SourceCounts(connection.execute(number).scalar_one(), connection.execute(first).scalar())


def list_titles(connection: Connection, since: date) -> list[str]:
    """Return the titles of the questions asked since a day, newest first."""
    wanted = (
        select(question.c.id, question.c.record)
        .where(
            question.c.meeting_date >= since,
            question.c.status.in_(("unanswered", "holding", "answered")),
        )
        .order_by(question.c.meeting_date.desc())
        .limit(_MAX_TITLES)
    )
    records = read_records(connection.execute(wanted))
    return [one.title for one in records if one.title and not one.is_taken_down]
