"""What there is to tell of a question and of a topic, gathered for their pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby

import msgspec
from sqlalchemy import Connection

from alerts.feeds.definitions import parse_topic_query
from alerts.ledger import changes, matches, questions, topics
from alerts.ledger.topics import Topic
from alerts.model import NumberedChange
from alerts.queries import Query, index_terms
from alerts.questions.differences import Correction, find_corrections
from alerts.search import QuestionExcerpt, build_excerpt, count_by_month, search_questions
from crawler.records import Question

#: Changes of one question; a page that is edited every day is no better told in full.
_MAX_CHANGES = 100
#: Passages of one correction.
_MAX_PASSAGES = 10


class HistoryEntry(msgspec.Struct, frozen=True):
    """One thing that happened to a question."""

    kind: str
    recorded_at: datetime
    is_silent: bool  #: it was not told as news: it was old when we first saw it
    differences: tuple[Correction, ...]


class QuestionView(msgspec.Struct, frozen=True):
    """A question with all that belongs to it."""

    question: Question
    thread: tuple[Question, ...]  #: the question and its supplementaries, as they are read
    history: tuple[HistoryEntry, ...]  #: oldest first
    first_seen_at: datetime
    last_read_at: datetime
    has_capture: bool
    is_gone: bool


def find_question_view(connection: Connection, question_id: str) -> QuestionView | None:
    """All about a question; None where there is none."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    numbers = changes.list_by_questions(connection, [record.id], _MAX_CHANGES)
    found = changes.get(connection, numbers)
    return QuestionView(
        question=record,
        thread=questions.load_thread(connection, record),
        history=tuple(_build_history_entry(found[number]) for number in sorted(numbers)),
        first_seen_at=stored.first_seen_at,
        last_read_at=stored.visited_at,
        has_capture=stored.capture is not None,
        is_gone=stored.not_found_at is not None,
    )


def _build_history_entry(numbered: NumberedChange) -> HistoryEntry:
    change = numbered.change
    differences: list[Correction] = []
    if change.kind == "corrected" and change.before is not None:
        differences = list(find_corrections(change.before, change.after))[:_MAX_PASSAGES]
    late = numbered.silence_reason is not None
    return HistoryEntry(change.kind, numbered.recorded_at, late, tuple(differences))


class TopicView(msgspec.Struct, frozen=True):
    """A topic, and one page of its questions."""

    topic: Topic
    question_count: int  #: questions that match
    months: dict[date, int]
    threads: tuple[
        tuple[QuestionExcerpt, ...], ...
    ]  #: newest first; each a question and what follows it
    has_more: bool


def find_topic_view(
    connection: Connection, slug: str, today: date, page: int, page_size: int
) -> TopicView | None:
    """A topic with page ``page`` (from 1) of its questions; None where there is none."""
    topic = topics.find_by_slug(connection, slug)
    if topic is None:
        return None
    query = parse_topic_query(topic)
    days = _count_by_day(connection, topic, query)
    ids = matches.list_questions(connection, topic.id, page_size + 1, (page - 1) * page_size)
    found = {q.id: q for q in questions.load_records(connection, ids[:page_size])}
    listed = [build_excerpt(found[one], query) for one in ids[:page_size] if one in found]
    return TopicView(
        topic,
        round(sum(days.values())),
        count_by_month(days, today),
        tuple(_group_by_thread(listed)),
        len(ids) > page_size,
    )


def _count_by_day(
    connection: Connection, topic: Topic, query: Query | None
) -> Mapping[date, float]:
    """How many questions match, by day: from the index of words where that says it all."""
    if query is not None and index_terms.build_index_query(query).is_exact:
        return search_questions(connection, query, 0).counts_by_day
    return matches.count_by_day(connection, topic.id)


def _group_by_thread(listed: list[QuestionExcerpt]) -> list[tuple[QuestionExcerpt, ...]]:
    """Questions of a list with those of the same thread together, where the first of them is."""

    def root(one: QuestionExcerpt) -> str:
        return one.question.parent or one.question.id

    place = {root(one): number for number, one in reversed(list(enumerate(listed)))}
    together = sorted(listed, key=lambda one: (place[root(one)], *_get_thread_order(one.question)))
    return [tuple(some) for _, some in groupby(together, key=root)]


def _get_thread_order(question: Question) -> tuple[bool, int]:
    return question.kind == "supplementary", question.supplementary_number or 0
