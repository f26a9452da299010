"""Matches: one change and one topic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, true

from alerts.ledger import due_subscribers
from alerts.ledger.changes import has_kind, is_in_feeds
from alerts.ledger.inserts import insert_pairs_once, iter_parameters
from alerts.ledger.questions import NEWEST_FIRST
from alerts.ledger.schema import change, match, question, topic
from alerts.ledger.word_index import UNANSWERED_STATUSES

#: Why changes are recorded that make a question no newer in a list.
_NO_NEWS = ("old", "minor")
#: How many of the newest matches to read for each question wanted. Few questions change more often.
_CHANGES_PER_QUESTION = 5


def add(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Record matches (topic id, number of the change), each once.

    Those whom they concern are looked at when their digests are due.
    """
    insert_pairs_once(connection, match, pairs)
    due_subscribers.note_matches(connection, pairs)


def list_newest(
    connection: Connection, topic_id: int, limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Return the numbers of the newest changes in a topic's feed, newest first.

    Args:
        connection: The ledger.
        topic_id: The topic.
        limit: How many to return at most.
        kinds: Only changes of these kinds; empty for all.
    """
    rows = connection.execute(
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(*_in_feed_conditions(topic_id), has_kind(kinds))
        .order_by(match.c.change_seq.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def list_slugs(connection: Connection, numbers: Sequence[int]) -> list[str]:
    """Return the slugs of the public topics that any of the changes with given numbers match."""
    found: set[str] = set()
    for some in iter_parameters(numbers):
        is_public = topic.c.publication.is_not(None)
        wanted = select(topic.c.slug).join(match, match.c.topic_id == topic.c.id).where(is_public)
        found |= set(connection.execute(wanted.where(match.c.change_seq.in_(some))).scalars())
    return sorted(found)


def count_in_feed(connection: Connection, topic_id: int) -> int:
    """Return how many changes a topic's feed has, archive included."""
    wanted = (
        select(func.count()).select_from(match).join(change, change.c.seq == match.c.change_seq)
    )
    return connection.execute(wanted.where(*_in_feed_conditions(topic_id))).scalar_one()


def get_feed_page(connection: Connection, topic_id: int, number: int, size: int) -> list[int]:
    """Return the numbers of one page of a topic's feed, newest first; page 1 has the oldest."""
    rows = connection.execute(
        select(match.c.change_seq)
        .join(change, change.c.seq == match.c.change_seq)
        .where(*_in_feed_conditions(topic_id))
        .order_by(match.c.change_seq)
        .offset((number - 1) * size)
        .limit(size)
    )
    return list(reversed(list(rows.scalars())))


def _in_feed_conditions(topic_id: int) -> list[ColumnElement[bool]]:
    return [match.c.topic_id == topic_id, is_in_feeds()]


def list_after(connection: Connection, topic_id: int, after_seq: int, limit: int) -> list[int]:
    """Return the numbers of a topic's changes above a number, in order."""
    wanted = select(match.c.change_seq).where(
        match.c.topic_id == topic_id, match.c.change_seq > after_seq
    )
    return list(connection.execute(wanted.order_by(match.c.change_seq).limit(limit)).scalars())


def count_by_day(
    connection: Connection, topic_id: int, unanswered_since: date
) -> tuple[dict[date, int], dict[date, int]]:
    """Return how many questions a topic matches by meeting day: all, and those not answered.

    Those without a meeting day are left out.

    Args:
        connection: The ledger.
        topic_id: The topic.
        unanswered_since: The first day of which those not answered are counted.
    """
    mine = _select_questions(topic_id).subquery()
    # A list of its own, because the status is not in the index that the days are read from.
    unanswered = select(question.c.id).where(
        question.c.status.in_(UNANSWERED_STATUSES),
        question.c.meeting_date >= unanswered_since,
    )
    is_unanswered = case((question.c.id.in_(unanswered), 1), else_=0)
    rows = connection.execute(
        select(
            question.c.meeting_date,
            func.count().label("number"),
            func.sum(is_unanswered).label("unanswered"),
        )
        .join(mine, mine.c.question_id == question.c.id)
        .where(question.c.meeting_date.is_not(None))
        .group_by(question.c.meeting_date)
    ).all()
    return (
        {row.meeting_date: row.number for row in rows},
        {row.meeting_date: row.unanswered for row in rows if row.unanswered},
    )


def count_questions(connection: Connection, topic_id: int) -> int:
    """Return how many questions a topic matches, also those without a meeting day."""
    wanted = select(func.count()).select_from(_select_questions(topic_id).subquery())
    return connection.execute(wanted).scalar_one()


def list_questions(
    connection: Connection,
    topic_id: int,
    limit: int,
    offset: int = 0,
    up_to: int | None = None,
    condition: ColumnElement[bool] | None = None,
) -> list[str]:
    """Return the ids of the questions that a topic matches, most recently changed first.

    Questions that were old when they were found, and did not change since, follow by meeting date,
    newest first: a backfill reads the archive backwards.

    Args:
        connection: The ledger.
        topic_id: The topic.
        limit: How many to return at most.
        offset: How many to leave out before them.
        up_to: Only changes up to this number, so that later ones shift no page; None for all.
        condition: Only the questions for which it holds; None for all.
    """
    latest = _list_alerted_questions(connection, topic_id, offset + limit, up_to, condition)
    if len(latest) == offset + limit:
        return latest[offset:]
    is_no_news = change.c.silence_reason.in_(_NO_NEWS)
    last_alert = func.max(case((is_no_news, 0), else_=change.c.seq))
    wanted = (
        select(question.c.id)
        .join(change, change.c.question_id == question.c.id)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id, _is_up_to(up_to))
        .where(true() if condition is None else condition)
        .group_by(question.c.id, question.c.meeting_date)
        .order_by(last_alert.desc(), *NEWEST_FIRST)
    )
    return list(connection.execute(wanted.offset(offset).limit(limit)).scalars())


def _list_alerted_questions(
    connection: Connection,
    topic_id: int,
    limit: int,
    up_to: int | None,
    condition: ColumnElement[bool] | None,
) -> list[str]:
    """Return the first questions of :func:`list_questions` without sorting all matches.

    Only the newest matches are looked at, since a topic can have tens of thousands. Fewer than
    ``limit`` does not mean that there are no more.
    """
    wanted = (
        select(change.c.question_id, change.c.silence_reason)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id, _is_up_to(up_to))
    )
    if condition is not None:
        wanted = wanted.join(question, question.c.id == change.c.question_id).where(condition)
    newest = wanted.order_by(match.c.change_seq.desc()).limit(_CHANGES_PER_QUESTION * limit)
    rows = connection.execute(newest)
    alerted = (row.question_id for row in rows if row.silence_reason not in _NO_NEWS)
    return list(dict.fromkeys(alerted))[:limit]


def _is_up_to(up_to: int | None) -> ColumnElement[bool]:
    return true() if up_to is None else match.c.change_seq <= up_to


def _select_questions(topic_id: int) -> Select[str]:
    return (
        select(change.c.question_id)
        .join(match, match.c.change_seq == change.c.seq)
        .where(match.c.topic_id == topic_id)
        .group_by(change.c.question_id)
    )


def get_newest_seq(connection: Connection, topic_id: int) -> int:
    """Return the number of the newest change that a topic matches; 0 if there is none."""
    rows = connection.execute(
        select(match.c.change_seq)
        .where(match.c.topic_id == topic_id)
        .order_by(match.c.change_seq.desc())
        .limit(1)
    )
    return rows.scalar() or 0
