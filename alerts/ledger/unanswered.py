"""Questions that wait for an answer: how many each body owes, and those that wait longest.

A question with a holding reply waits. One whose page is gone does not: nobody will answer it there.
"""

from __future__ import annotations

from datetime import date

import msgspec
from sqlalchemy import ColumnElement, Connection, Date, and_, func, literal, or_, select

from alerts.ledger import question_counts
from alerts.ledger.question_counts import Party
from alerts.ledger.schema import question
from alerts.ledger.word_index import DatedQuestion


class WaitingFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the questions that wait."""

    before: date | None = None  #: only those of meetings before this day
    body: str | None = None  #: only those put to this body: ``the-mayor``
    person: str | None = None  #: only those of this member: ``ada-brook``


class WaitingGroup(msgspec.Struct, frozen=True):
    """Somebody who owes answers, or waits for them."""

    id: str | None  #: of the body or the member; None for questions that name none
    name: str | None
    questions: int
    oldest_day: date | None  #: of the question that waits longest


def count(connection: Connection, wanted: WaitingFilter) -> int:
    """Return how many questions wait."""
    counted = select(func.count()).select_from(question).where(*_build_conditions(wanted))
    return connection.execute(counted).scalar_one()


def group_by(connection: Connection, party: Party, wanted: WaitingFilter) -> list[WaitingGroup]:
    """Return who owes answers (``body``) or waits for them (``person``), the most first."""
    key = question.c[party]
    number = func.count().label("number")
    rows = connection.execute(
        select(key.label("id"), number, func.min(question.c.meeting_date).label("oldest_day"))
        .where(*_build_conditions(wanted))
        .group_by(key)
        .order_by(number.desc(), key)
    ).all()
    names = question_counts.find_names(connection, party, [row.id for row in rows if row.id])
    return [WaitingGroup(row.id, names.get(row.id), row.number, row.oldest_day) for row in rows]


def list_longest(
    connection: Connection,
    wanted: WaitingFilter,
    limit: int,
    after: DatedQuestion | None = None,
) -> list[DatedQuestion]:
    """Return the questions that wait longest, with their meeting days, in order.

    Those without a day come last, with the day :attr:`datetime.date.max`.

    Args:
        connection: The ledger.
        wanted: Which of them.
        limit: How many to return at most.
        after: Only those that come after this one; None to begin with the oldest.
    """
    day = func.coalesce(question.c.meeting_date, literal(date.max, Date))
    listed = select(question.c.id, day.label("day")).where(*_build_conditions(wanted))
    if after is not None:
        is_same_day = and_(day == after.day, question.c.id > after.question_id)
        listed = listed.where(or_(day > after.day, is_same_day))
    rows = connection.execute(listed.order_by(day, question.c.id).limit(limit))
    return [DatedQuestion(row.id, row.day) for row in rows]


def _build_conditions(wanted: WaitingFilter) -> list[ColumnElement[bool]]:
    # The statuses are named, so that the index of status and meeting date is used.
    found: list[ColumnElement[bool]] = [
        question.c.status.in_(("unanswered", "holding")),
        question.c.not_found_at.is_(None),
    ]
    if wanted.before is not None:
        found.append(question.c.meeting_date < wanted.before)
    if wanted.body is not None:
        found.append(question.c.body == wanted.body)
    if wanted.person is not None:
        found.append(question.c.person == wanted.person)
    return found
