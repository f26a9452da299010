"""Public topics in lists: with their numbers of questions, related ones, and those of a question.

Nothing here knows of a private topic: every statement asks for published queries alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches

import msgspec
from sqlalchemy import Connection, TextClause, and_, bindparam, func, select, text

from alerts.ledger import question_counts
from alerts.ledger.changes import get_newest_seq
from alerts.ledger.inserts import iter_parameters
from alerts.ledger.publication_schema import feed
from alerts.ledger.question_counts import Tally
from alerts.ledger.schema import change, match, question, topic
from alerts.ledger.topic_ranges import get_match_progress

#: A topic that has a page: a published query.
_IS_LISTED = and_(
    topic.c.publication.is_not(None), topic.c.kind == "query", ~topic.c.is_ended
)  # fmt: skip
#: Newest matches of a topic in which related topics are looked for: the same ones for years would
#: be read from the whole of a topic with thirty thousand.
_RELATED_MATCHES = 400
#: Characters of a slug that similar ones are looked for with.
_MAX_SLUG_LENGTH = 60


#: The statement of :func:`list_of_questions`: built once, because a page waits for it.
_OF_QUESTIONS = (
    select(topic.c.slug, topic.c.title)
    .select_from(change)
    .join(match, match.c.change_seq == change.c.seq)
    .join(topic, topic.c.id == match.c.topic_id)
    .where(change.c.question_id.in_(bindparam("ids", expanding=True)), _IS_LISTED)
    .distinct()
)


class TopicSummary(msgspec.Struct, frozen=True):
    """A public topic, with the number of its questions."""

    slug: str
    title: str
    questions: int
    recent: int  #: questions of meetings since a day


class TopicCounts(msgspec.Struct, frozen=True):
    """How many questions public topics match, by id; without those that match none."""

    recent: Mapping[int, int]  #: questions of meetings since a day
    #: Of those that have no feed yet, which holds the number: just published.
    without_feed: Mapping[int, int]


def list_summaries(connection: Connection, counts: TopicCounts) -> list[TopicSummary]:
    """Return all public topics, in the order of their titles, with what was counted."""
    wanted = select(topic.c.id, topic.c.slug, topic.c.title, feed.c.questions)
    rows = connection.execute(wanted.outerjoin(feed, feed.c.name == topic.c.slug).where(_IS_LISTED))
    found = [
        TopicSummary(
            row.slug,
            row.title,
            counts.without_feed.get(row.id, 0) if row.questions is None else row.questions,
            counts.recent.get(row.id, 0),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.title.casefold(), one.slug))


def count_all(connection: Connection, since: date) -> TopicCounts:
    """Return how many questions the public topics match.

    Args:
        connection: The ledger.
        since: The first day of the meetings whose questions count as recent.
    """
    lacking = select(topic.c.id).outerjoin(feed, feed.c.name == topic.c.slug)
    ids = connection.execute(lacking.where(_IS_LISTED, feed.c.questions.is_(None))).scalars().all()
    return TopicCounts(_count_recent(connection, since), _count_now(connection, ids))


def get_matched_state(connection: Connection) -> tuple[object, ...]:
    """Return what changes whenever :func:`count_all` may: what is matched, with what."""
    listed = select(
        topic.c.id, topic.c.matched_up_to, topic.c.is_caught_up, feed.c.questions.is_(None)
    ).outerjoin(feed, feed.c.name == topic.c.slug)
    rows = connection.execute(listed.where(_IS_LISTED).order_by(topic.c.id)).all()
    return get_newest_seq(connection), get_match_progress(connection), tuple(map(tuple, rows))


def _count_now(connection: Connection, topic_ids: Sequence[int]) -> dict[int, int]:
    """Return how many questions some topics match, by topic; without those that match none."""
    found: dict[int, int] = {}
    number = func.count(func.distinct(change.c.question_id))
    counted = select(match.c.topic_id, number).join(change, change.c.seq == match.c.change_seq)
    for some in iter_parameters(topic_ids):
        rows = connection.execute(
            counted.where(match.c.topic_id.in_(some)).group_by(match.c.topic_id)
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def _count_recent(connection: Connection, since: date) -> dict[int, int]:
    """Return how many questions of meetings since a day each public topic matches, by its id."""
    is_recent = and_(
        question.c.status.in_(("answered", "unanswered", "holding")),  # the index begins with it
        question.c.meeting_date >= since,
    )
    rows = connection.execute(
        select(match.c.topic_id, func.count(func.distinct(question.c.id)))
        .select_from(question)
        .join(change, change.c.question_id == question.c.id)
        .join(match, match.c.change_seq == change.c.seq)
        .join(topic, topic.c.id == match.c.topic_id)
        .where(is_recent, _IS_LISTED)
        .group_by(match.c.topic_id)
    )
    return {row[0]: row[1] for row in rows}


def list_of_questions(
    connection: Connection, question_ids: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    """Return public topics (slug, title) that any of some questions match, by title."""
    found: set[tuple[str, str]] = set()
    for some in iter_parameters(question_ids):
        rows = connection.execute(_OF_QUESTIONS, {"ids": list(some)})
        found |= {(row.slug, row.title) for row in rows}
    return sorted(found, key=lambda one: one[1].casefold())[:limit]


def list_related(connection: Connection, topic_id: int, limit: int) -> list[tuple[str, str]]:
    """Return the public topics (slug, title) that share most of a topic's newest matches."""
    newest = (
        select(match.c.change_seq)
        .where(match.c.topic_id == topic_id)
        .order_by(match.c.change_seq.desc())
        .limit(_RELATED_MATCHES)
        .subquery()
    )
    number = func.count().label("number")
    rows = connection.execute(
        select(topic.c.slug, topic.c.title, number)
        .select_from(newest)
        .join(match, match.c.change_seq == newest.c.change_seq)
        .join(topic, topic.c.id == match.c.topic_id)
        .where(topic.c.id != topic_id, _IS_LISTED)
        .group_by(topic.c.slug, topic.c.title)
        .order_by(number.desc(), topic.c.title)
        .limit(limit)
    )
    return [(row.slug, row.title) for row in rows]


def list_similar(connection: Connection, slug: str) -> list[tuple[str, str]]:
    """Return public topics (slug, title) whose slug is nearly ``slug``, the most similar first."""
    rows = connection.execute(select(topic.c.slug, topic.c.title).where(_IS_LISTED)).all()
    titles = {row.slug.lower(): (row.slug, row.title) for row in rows}
    near = get_close_matches(slug[:_MAX_SLUG_LENGTH].lower(), titles, n=3, cutoff=0.6)
    return [titles[one] for one in near]


def count_questions(connection: Connection, topic_id: int) -> Tally:
    """Return the questions that a topic matches, counted."""
    rows = connection.execute(_TALLIES[connection.dialect.name], {"topic_id": topic_id})
    return question_counts.add_up(rows)


def _build_tally_statement(by_id: str, by_seq: str) -> TextClause:
    """Return the statement of :func:`count_questions`.

    On SQLite it names its indexes. SQLite would choose those of the primary keys, which lead to the
    long rows: for a topic with 28,000 questions that takes four times as long.
    """
    matching = (
        f"SELECT change.question_id FROM match JOIN change {by_seq}"  # noqa: S608  # ours alone
        " ON change.seq = match.change_seq WHERE match.topic_id = :topic_id"
    )
    return text(
        "SELECT person, body, status = 'answered', days_to_answer, count(*)"  # noqa: S608  # ours alone
        f" FROM question {by_id} WHERE id IN ({matching}) GROUP BY 1, 2, 3, 4"
    )


_TALLIES = {
    "sqlite": _build_tally_statement(
        "INDEXED BY ix_question_id", "INDEXED BY ix_change_seq_question_id"
    ),
    "postgresql": _build_tally_statement("", ""),
}
