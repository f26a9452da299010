"""Questions looked up by what is the matter with them, or by what somebody calls them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, func, or_, select

from alerts.ledger.questions import find
from alerts.ledger.records import read_records
from alerts.ledger.schema import question
from crawler.records import Question


def list_suspect(connection: Connection, limit: int) -> list[Question]:
    """Questions whose reading is not to be trusted, the last visited first."""
    wanted = select(question.c.id, question.c.record).where(question.c.is_suspect)
    wanted = wanted.order_by(question.c.visited_at.desc()).limit(limit)
    return list(read_records(connection.execute(wanted)))


def list_overdue(
    connection: Connection, before: date, limit: int, offset: int = 0
) -> list[Question]:
    """Questions of meetings before a day that wait for an answer, the oldest first."""
    wanted = select(question.c.id, question.c.record).where(*_overdue_conditions(before))
    wanted = wanted.order_by(question.c.meeting_date, question.c.id).offset(offset).limit(limit)
    return list(read_records(connection.execute(wanted)))


def count_overdue(connection: Connection, before: date) -> int:
    """How many those are."""
    wanted = select(func.count()).select_from(question).where(*_overdue_conditions(before))
    return connection.execute(wanted).scalar_one()


def _overdue_conditions(before: date) -> list[ColumnElement[bool]]:
    # Named one by one, so that the index of status and day serves.
    waits = question.c.status.in_(("unanswered", "holding"))
    return [waits, question.c.meeting_date < before, question.c.not_found_at.is_(None)]


def list_meeting_days(connection: Connection, today: date) -> list[date]:
    """The days of the last year's meetings at which the Mayor is questioned, oldest first."""
    # As the source names them: "MQT on 2018-12-20", "Mayor's Question Time".
    named = [f'%"meeting":{{"name":"{start}%' for start in ("MQT", "Mayor_s Question Time")]
    rows = connection.execute(
        select(question.c.meeting_date)
        .where(
            question.c.meeting_date.between(today - timedelta(days=366), today),
            or_(*(question.c.record.like(name) for name in named)),
        )
        .distinct()
        .order_by(question.c.meeting_date)
    )
    return [day for day in rows.scalars() if day is not None]


def find_by_identifier(connection: Connection, identifier: str) -> list[Question]:
    """The questions that are known by an id, present or former, by an address, or by a number."""
    stored = find(connection, identifier)
    if stored is not None:
        return [stored.record]
    wanted = select(question.c.id, question.c.record)
    if "://" in identifier:
        return list(read_records(connection.execute(wanted.where(question.c.url == identifier))))
    # The number stands in the record alone, and in the id of today's pages.
    likely = question.c.record.contains(f'"reference":"{identifier}"', autoescape=True)
    found = read_records(connection.execute(wanted.where(likely)))
    return [record for record in found if record.reference == identifier]
