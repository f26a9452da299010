"""Members who ask questions: what they asked, and how soon it was answered."""

from __future__ import annotations

import statistics
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import change, match, question, topic
from alerts.ledger.word_index import DatedQuestion


class MemberSummary(msgspec.Struct, frozen=True):
    """A member, with the number of their questions."""

    person: str  #: the same for all spellings of the name: ``ada-brook``
    name: str
    questions: int
    last_meeting_date: date | None


class MemberStatistics(msgspec.Struct, frozen=True):
    """A member's questions, counted. Days are counted from meeting to answer."""

    questions: int
    answered: int
    with_answer_date: int  #: of the answered, those with a known date
    answered_in_time: int  #: of those, answered within ``days_allowed``
    unanswered: int
    median_days: int | None  #: of the answered with a known date; None where there are none


def find_name(connection: Connection, person: str) -> str | None:
    """Return the name to show for a member; None if there is no such member."""
    wanted = select(question.c.asker).where(question.c.person == person)
    newest = wanted.order_by(*NEWEST_FIRST).limit(1)
    return connection.execute(newest).scalar()


def list_names(connection: Connection) -> list[str]:
    """Return a name of each member, in no particular order.

    The index is read from one member to the next, which takes as long as there are members and not
    as there are questions.
    """
    first = select(func.min(question.c.person).label("person")).cte("people", recursive=True)
    following = select(func.min(question.c.person)).where(question.c.person > first.c.person)
    people = first.union_all(select(following.scalar_subquery()).where(first.c.person.is_not(None)))
    one_name = select(question.c.asker).where(question.c.person == people.c.person).limit(1)
    rows = connection.execute(
        select(one_name.scalar_subquery()).where(people.c.person.is_not(None))
    )
    return [name for name in rows.scalars() if name]


def list_members(connection: Connection) -> list[MemberSummary]:
    """Return all members, the one with the most questions first."""
    number = func.count().label("questions")
    rows = connection.execute(
        select(
            question.c.person,
            func.max(question.c.asker).label("name"),
            number,
            func.max(question.c.meeting_date).label("last_meeting_date"),
        )
        .where(question.c.person.is_not(None))
        .group_by(question.c.person)
        .order_by(number.desc(), question.c.person)
    )
    return [MemberSummary(**row._mapping) for row in rows]


def count_questions(connection: Connection, person: str, days_allowed: int) -> MemberStatistics:
    """Return the statistics of a member.

    Args:
        connection: The ledger.
        person: The member: ``ada-brook``.
        days_allowed: An answer counts as in time up to this many days after the meeting.
    """
    is_dated = question.c.answered_on.is_not(None) & question.c.meeting_date.is_not(None)
    in_time = is_dated & (_days_to_answer(connection) <= days_allowed)
    is_answered = question.c.status == "answered"
    row = connection.execute(
        select(
            func.count().label("questions"),
            _count_where(is_answered).label("answered"),
            _count_where(is_answered & is_dated).label("with_answer_date"),
            _count_where(is_answered & in_time).label("answered_in_time"),
            _count_where(~is_answered).label("unanswered"),
        ).where(question.c.person == person)
    ).one()
    days = connection.execute(
        select(_days_to_answer(connection)).where(
            question.c.person == person, is_answered & is_dated
        )
    ).scalars()
    known = [round(one) for one in days]
    return MemberStatistics(
        **row._mapping, median_days=round(statistics.median(known)) if known else None
    )


def count_by_day(
    connection: Connection, person: str, since: date
) -> tuple[dict[date, int], dict[date, int]]:
    """Return a member's questions from a day on by meeting day: all, and those not answered."""
    rows = connection.execute(
        select(
            question.c.meeting_date,
            func.count().label("number"),
            _count_where(question.c.status != "answered").label("unanswered"),
        )
        .where(question.c.person == person, question.c.meeting_date >= since)
        .group_by(question.c.meeting_date)
    ).all()
    return (
        {row.meeting_date: row.number for row in rows},
        {row.meeting_date: row.unanswered for row in rows if row.unanswered},
    )


def list_newest_questions(
    connection: Connection, person: str, limit: int, after: DatedQuestion | None = None
) -> list[DatedQuestion]:
    """Return a member's questions with their meeting days, newest first.

    Those without a day come last, with the day :attr:`datetime.date.min`.

    Args:
        connection: The ledger.
        person: The member: ``ada-brook``.
        limit: How many to return at most.
        after: Only those that come after this one.
    """
    day = func.coalesce(question.c.meeting_date, literal(date.min, Date))
    wanted = select(question.c.id, day.label("day")).where(question.c.person == person)
    if after is not None:
        is_same_day = and_(day == after.day, question.c.id < after.question_id)
        wanted = wanted.where(or_(day < after.day, is_same_day))
    rows = connection.execute(wanted.order_by(day.desc(), question.c.id.desc()).limit(limit))
    return [DatedQuestion(row.id, row.day) for row in rows]


def list_topics(connection: Connection, person: str, limit: int) -> list[tuple[str, str, int]]:
    """Return public topics (slug, title, questions) that match most of a member's questions."""
    number = func.count(func.distinct(question.c.id)).label("number")
    rows = connection.execute(
        select(topic.c.slug, topic.c.title, number)
        .select_from(question)
        .join(change, change.c.question_id == question.c.id)
        .join(match, match.c.change_seq == change.c.seq)
        .join(topic, topic.c.id == match.c.topic_id)
        .where(
            question.c.person == person,
            topic.c.kind == "query",
            topic.c.publication.is_not(None),
        )
        .group_by(topic.c.slug, topic.c.title)
        .order_by(number.desc(), topic.c.title)
        .limit(limit)
    )
    return [(row.slug, row.title, row.number) for row in rows]


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _days_to_answer(connection: Connection) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return cast(question.c.answered_on, Date) - cast(question.c.meeting_date, Date)
    return func.julianday(question.c.answered_on) - func.julianday(question.c.meeting_date)
