"""Answering bodies: the people and offices that questions are put to.

A question that was put to several is counted for the first of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches

import msgspec
from sqlalchemy import Connection, case, func, select

from alerts.ledger import question_counts
from alerts.ledger.question_counts import IS_ANSWERED, AnswerState, AnswerTimes, Tally
from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import question
from alerts.ledger.word_index import DatedQuestion

#: Characters of an id that similar ones are looked for with.
_MAX_ID_LENGTH = 80
#: Newest questions in which the sources of a body are looked for.
_SOURCE_QUESTIONS = 20


class Body(msgspec.Struct, frozen=True):
    """A person or an office that questions are put to."""

    id: str  #: the same for all spellings that differ in capitals and signs: ``the-mayor``
    name: str
    first_day: date | None  #: of the oldest question
    sources: tuple[str, ...]  #: where they are asked, as the config names it


class BodySummary(msgspec.Struct, frozen=True):
    """A body, with the number of the questions that were put to it."""

    id: str
    name: str
    questions: int
    unanswered: int
    median_days: int | None  #: from the meeting to the answer; None where it is not known
    last_meeting_date: date | None


def find(connection: Connection, body_id: str) -> Body | None:
    """Return a body; None if no question was put to it."""
    name = question_counts.find_newest(connection, "body", body_id, question.c.body_name)
    if name is None:
        return None
    mine = question.c.body == body_id
    first_day = connection.execute(select(func.min(question.c.meeting_date)).where(mine)).scalar()
    newest = select(question.c.id, question.c.source).where(mine).order_by(*NEWEST_FIRST)
    rows = connection.execute(newest.limit(_SOURCE_QUESTIONS)).all()
    return Body(body_id, name, first_day, tuple(dict.fromkeys(row.source for row in rows)))


def list_all(connection: Connection) -> list[BodySummary]:
    """Return all bodies, the one with the most questions first."""
    unanswered = func.sum(case((IS_ANSWERED, 0), else_=1))
    rows = connection.execute(
        select(
            question.c.body.label("id"),
            func.count().label("questions"),
            unanswered.label("unanswered"),
            func.max(question.c.meeting_date).label("last_meeting_date"),
        )
        .where(question.c.body.is_not(None))
        .group_by(question.c.body)
    ).all()
    names = question_counts.find_names(connection, "body", [row.id for row in rows])
    times = _count_days(connection)
    found = [
        BodySummary(name=names.get(row.id, row.id), median_days=_find_median(times.get(row.id)),
                    **row._mapping)
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.questions, one.id))


def _count_days(connection: Connection) -> dict[str, Counter[int]]:
    """Return how many answers of each body took how many days."""
    wanted = select(question.c.body, question.c.days_to_answer, func.count()).where(
        question.c.body.is_not(None), question.c.days_to_answer.is_not(None)
    )
    found: dict[str, Counter[int]] = {}
    grouped = wanted.group_by(question.c.body, question.c.days_to_answer)
    for body, days, number in connection.execute(grouped):
        found.setdefault(body, Counter())[days] = number
    return found


def _find_median(days: Counter[int] | None) -> int | None:
    return AnswerTimes(0, 0, tuple(sorted(days.items()))).median_days if days else None


def list_similar_names(connection: Connection, body_id: str) -> list[tuple[str, str]]:
    """Return bodies (id, name) whose ids are nearly as ``body_id``, the most similar first."""
    ids: Sequence[str] = question_counts.list_ids(connection, "body")
    near = get_close_matches(body_id[:_MAX_ID_LENGTH].lower(), ids, n=3, cutoff=0.7)
    names = question_counts.find_names(connection, "body", near)
    return [(one, names[one]) for one in near if one in names]


def count_questions(connection: Connection, body_id: str) -> Tally:
    """Return the questions that were put to a body, counted by their answers and who asked."""
    return question_counts.count(connection, "person", question.c.body == body_id)


def list_questions(
    connection: Connection,
    body_id: str,
    limit: int,
    after: DatedQuestion | None = None,
    state: AnswerState | None = None,
) -> list[DatedQuestion]:
    """Return the questions put to a body, newest first; see :func:`question_counts.list_newest`."""
    conditions = question.c.body == body_id, question_counts.has_state(state)
    return question_counts.list_newest(connection, limit, after, *conditions)


def count_by_day(
    connection: Connection, body_id: str, since: date
) -> tuple[dict[date, int], dict[date, int]]:
    """Return questions to a body from a day on by meeting day: all, and those not answered."""
    wanted = select(
        question.c.meeting_date, func.count(), func.sum(case((IS_ANSWERED, 0), else_=1))
    )
    rows = connection.execute(
        wanted.where(question.c.body == body_id, question.c.meeting_date >= since).group_by(
            question.c.meeting_date
        )
    ).all()
    return {row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows if row[2]}
