"""Matches: one change, one topic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from alerts.ledger.base import insert_all_once
from alerts.ledger.changes import is_shown, of_kinds
from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import change, match, question

#: Written at once: a million matches are not all to stand in memory as rows.
_ROWS = 20_000
#: Few questions change more often: as many of the newest matches are looked at for each one wanted.
_CHANGES_EACH = 5


def add(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Record which topics (their ids) match which changes (their numbers), each once."""
    for start in range(0, len(pairs), _ROWS):
        rows = [{"topic_id": t, "change_seq": seq} for t, seq in pairs[start : start + _ROWS]]
        insert_all_once(connection, match, rows)


def newest(
    connection: Connection, topic_id: int, limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Numbers of a topic's newest changes that its feed shows, newest first.

    All of them, or those of some kinds.
    """
    rows = connection.execute(
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(*_shown(topic_id), of_kinds(kinds))
        .order_by(match.c.change_seq.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def count(connection: Connection, topic_id: int) -> int:
    """How many of a topic's changes its feed shows, from the first one on."""
    wanted = (
        select(func.count()).select_from(match).join(change, change.c.seq == match.c.change_seq)
    )
    return connection.execute(wanted.where(*_shown(topic_id))).scalar_one()


def page(connection: Connection, topic_id: int, number: int, size: int) -> list[int]:
    """One page of them, counted from the oldest: the first is 1. Newest first within."""
    rows = connection.execute(
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(*_shown(topic_id))
        .order_by(match.c.change_seq)
        .offset((number - 1) * size)
        .limit(size)
    )
    return list(reversed(list(rows.scalars())))


def _shown(topic_id: int) -> list[ColumnElement[bool]]:
    return [match.c.topic_id == topic_id, is_shown()]


def after(connection: Connection, topic_id: int, number: int, limit: int) -> list[int]:
    """Numbers of a topic's changes above a number, in order."""
    wanted = select(match.c.change_seq).where(
        match.c.topic_id == topic_id, match.c.change_seq > number
    )
    return list(connection.execute(wanted.order_by(match.c.change_seq).limit(limit)).scalars())


def days(connection: Connection, topic_id: int) -> dict[date, int]:
    """How many questions a topic matches, by their day; those without one are left out."""
    mine = _questions(topic_id).subquery()
    rows = connection.execute(
        select(question.c.meeting_date, func.count().label("number"))
        .join(mine, mine.c.question_id == question.c.id)
        .where(question.c.meeting_date.is_not(None))
        .group_by(question.c.meeting_date)
    )
    return {row.meeting_date: row.number for row in rows}


def questions_of(connection: Connection, topic_id: int, limit: int, offset: int = 0) -> list[str]:
    """The ids of the questions that a topic matches, the one with the newest change first.

    Those of which nothing was ever news, since they were old when we came to know them, follow by
    their days: a back-filled archive is read backwards.
    """
    latest = _in_the_news(connection, topic_id, offset + limit)
    if len(latest) == offset + limit:
        return latest[offset:]
    news = func.max(case((change.c.silent_because == "old", 0), else_=change.c.seq))
    wanted = (
        select(question.c.id)
        .join(change, change.c.question_id == question.c.id)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id)
        .group_by(question.c.id, question.c.meeting_date)
        .order_by(news.desc(), *NEWEST_FIRST)
    )
    return list(connection.execute(wanted.offset(offset).limit(limit)).scalars())


def _in_the_news(connection: Connection, topic_id: int, most: int) -> list[str]:
    """Up to ``most`` of them that were ever news, in the same order, found without sorting all.

    Of the newest matches alone, so there may be more: a topic can have tens of thousands.
    """
    rows = connection.execute(
        select(change.c.question_id, change.c.silent_because)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id)
        .order_by(match.c.change_seq.desc())
        .limit(_CHANGES_EACH * most)
    )
    return list(dict.fromkeys(who for who, because in rows if because != "old"))[:most]


def _questions(topic_id: int) -> Select[str]:
    return (
        select(change.c.question_id)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id)
        .group_by(change.c.question_id)
    )


def newest_number(connection: Connection, topic_id: int) -> int:
    """The number of a topic's newest match, shown or not; 0 when it has none."""
    rows = connection.execute(
        select(match.c.change_seq)
        .where(match.c.topic_id == topic_id)
        .order_by(match.c.change_seq.desc())
        .limit(1)
    )
    return rows.scalar() or 0
