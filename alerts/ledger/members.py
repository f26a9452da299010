"""Members who ask questions: what they asked, and how soon it was answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, case, func, select

from alerts.ledger import question_counts
from alerts.ledger.question_counts import IS_ANSWERED, AnswerState, Tally
from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import change, match, question, topic
from alerts.ledger.word_index import DatedQuestion

#: Newest questions in which a member's party and sources are looked for.
_PARTY_QUESTIONS = 20
#: Characters of an id that similar ones are looked for with: the longest names have 60.
_MAX_ID_LENGTH = 80


def _select_names() -> Select[Any]:
    """Return the statement of :func:`list_names`."""
    first = select(func.min(question.c.person).label("person")).cte("people", recursive=True)
    following = select(func.min(question.c.person)).where(question.c.person > first.c.person)
    people = first.union_all(select(following.scalar_subquery()).where(first.c.person.is_not(None)))
    one_name = select(question.c.asker).where(question.c.person == people.c.person).limit(1)
    return select(one_name.scalar_subquery()).where(people.c.person.is_not(None))


#: Built once, because a page waits for it.
_NAMES = _select_names()


class Member(msgspec.Struct, frozen=True):
    """Somebody who asks questions."""

    person: str  #: the same for all spellings of the name: ``ada-brook``
    name: str
    party: str | None  #: as printed with the newest question that names one
    first_day: date | None  #: of the oldest question
    sources: tuple[str, ...]  #: where they ask, as the config names it


class MemberSummary(msgspec.Struct, frozen=True):
    """A member, with the number of their questions."""

    person: str
    name: str
    questions: int
    unanswered: int
    last_meeting_date: date | None


def find_name(connection: Connection, person: str) -> str | None:
    """Return the name to show for a member; None if there is no such member."""
    return question_counts.find_newest(connection, "person", person, question.c.asker)


def find_member(connection: Connection, person: str) -> Member | None:
    """Return a member; None if there is no such member."""
    name = find_name(connection, person)
    if name is None:
        return None
    mine = question.c.person == person
    first_day = connection.execute(select(func.min(question.c.meeting_date)).where(mine)).scalar()
    newest = select(question.c.id, question.c.source, question.c.party).where(mine)
    rows = connection.execute(newest.order_by(*NEWEST_FIRST).limit(_PARTY_QUESTIONS)).all()
    return Member(
        person=person,
        name=name,
        party=next((row.party for row in rows if row.party), None),
        first_day=first_day,
        sources=tuple(dict.fromkeys(row.source for row in rows)),
    )


def list_names(connection: Connection) -> list[str]:
    """Return a name of each member, in no particular order.

    The index is read from one member to the next, which takes as long as there are members and not
    as there are questions.
    """
    rows = connection.execute(_NAMES)
    return [name for name in rows.scalars() if name]


def list_members(connection: Connection) -> list[MemberSummary]:
    """Return all members, the one with the most questions first."""
    unanswered = func.sum(case((IS_ANSWERED, 0), else_=1))
    rows = connection.execute(
        select(
            question.c.person,
            func.count().label("questions"),
            unanswered.label("unanswered"),
            func.max(question.c.meeting_date).label("last_meeting_date"),
        )
        .where(question.c.person.is_not(None))
        .group_by(question.c.person)
    ).all()
    names = question_counts.find_names(connection, "person", [row.person for row in rows])
    found = [
        MemberSummary(name=names[row.person], **row._mapping) for row in rows if row.person in names
    ]
    return sorted(found, key=lambda one: (-one.questions, one.person))


def list_similar_names(connection: Connection, person: str) -> list[tuple[str, str]]:
    """Return members (id, name) whose ids are nearly as ``person``, the most similar first."""
    ids = question_counts.list_ids(connection, "person")
    near = get_close_matches(person[:_MAX_ID_LENGTH].lower(), ids, n=3, cutoff=0.7)
    names = question_counts.find_names(connection, "person", near)
    return [(one, names[one]) for one in near if one in names]


def count_by_day(
    connection: Connection, person: str, since: date
) -> tuple[dict[date, int], dict[date, int]]:
    """Return a member's questions from a day on by meeting day: all, and those not answered."""
    rows = connection.execute(
        select(
            question.c.meeting_date,
            func.count().label("number"),
            func.sum(case((IS_ANSWERED, 0), else_=1)).label("unanswered"),
        )
        .where(question.c.person == person, question.c.meeting_date >= since)
        .group_by(question.c.meeting_date)
    ).all()
    return (
        {row.meeting_date: row.number for row in rows},
        {row.meeting_date: row.unanswered for row in rows if row.unanswered},
    )


def count_questions(connection: Connection, person: str) -> Tally:
    """Return a member's questions, counted by their answers and by who was asked."""
    return question_counts.count(connection, "body", question.c.person == person)


def list_questions(
    connection: Connection,
    person: str,
    limit: int,
    after: DatedQuestion | None = None,
    state: AnswerState | None = None,
) -> list[DatedQuestion]:
    """Return a member's questions, newest first; see :func:`question_counts.list_newest`."""
    conditions = question.c.person == person, question_counts.has_state(state)
    return question_counts.list_newest(connection, limit, after, *conditions)


def find_parties(connection: Connection, people: Sequence[str]) -> dict[str, str]:
    """Return the party that each member's newest question names, where it names one."""
    return question_counts.find_newest_values(connection, "person", people, "party")


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
