"""What there is to tell of a question and of a topic, gathered for their pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby

import msgspec
from sqlalchemy import Connection

from alerts.feeds.kinds import query_of
from alerts.ledger import changes, matches, questions, topics
from alerts.ledger.topics import Topic
from alerts.model import Numbered
from alerts.queries.index_terms import ask
from alerts.queries.parse import Query
from alerts.questions.differences import Correction, corrections
from alerts.search.preview import by_month
from alerts.search.results import Shown, shown
from alerts.search.search import search
from crawler.records import Question

#: Changes of one question; a page that is edited every day is no better told in full.
_MOST_CHANGES = 100
#: Passages of one correction.
_MOST_PASSAGES = 10


class Happened(msgspec.Struct, frozen=True):
    """One thing that happened to a question."""

    kind: str
    at: datetime
    is_late: bool  #: it was not told as news: it was old when we first saw it
    differences: tuple[Correction, ...]


class Told(msgspec.Struct, frozen=True):
    """A question with all that belongs to it."""

    question: Question
    thread: tuple[Question, ...]  #: the question and its supplementaries, as they are read
    history: tuple[Happened, ...]  #: oldest first
    seen_at: datetime
    read_at: datetime
    has_capture: bool
    is_gone: bool


def told_of(connection: Connection, question_id: str) -> Told | None:
    """All about a question; None where there is none."""
    stored = questions.find(connection, question_id)
    if stored is None:
        return None
    record = stored.record
    numbers = changes.of_questions(connection, [record.id], _MOST_CHANGES)
    found = changes.get(connection, numbers)
    return Told(
        question=record,
        thread=questions.thread_of(connection, record),
        history=tuple(_happened(found[number]) for number in sorted(numbers)),
        seen_at=stored.first_seen_at,
        read_at=stored.visited_at,
        has_capture=stored.capture is not None,
        is_gone=stored.gone_at is not None,
    )


def _happened(numbered: Numbered) -> Happened:
    change = numbered.change
    differences: list[Correction] = []
    if change.kind == "corrected" and change.before is not None:
        differences = list(corrections(change.before, change.after))[:_MOST_PASSAGES]
    late = numbered.silent_because is not None
    return Happened(change.kind, numbered.recorded_at, late, tuple(differences))


class TopicTold(msgspec.Struct, frozen=True):
    """A topic, and one page of its questions."""

    topic: Topic
    ever: int  #: questions that match
    months: dict[date, int]
    threads: tuple[tuple[Shown, ...], ...]  #: newest first; each a question and what follows it
    more: bool


def topic_told(
    connection: Connection, slug: str, today: date, page: int, size: int
) -> TopicTold | None:
    """A topic with page ``page`` (from 1) of its questions; None where there is none."""
    topic = topics.by_slug(connection, slug)
    if topic is None:
        return None
    query = query_of(topic)
    days = _days(connection, topic, query)
    ids = matches.questions_of(connection, topic.id, size + 1, (page - 1) * size)
    found = {q.id: q for q in questions.all_of(connection, ids[:size])}
    listed = [shown(found[one], query) for one in ids[:size] if one in found]
    return TopicTold(
        topic,
        round(sum(days.values())),
        by_month(days, today),
        tuple(_threads(listed)),
        len(ids) > size,
    )


def _days(connection: Connection, topic: Topic, query: Query | None) -> Mapping[date, float]:
    """How many questions match, by day: from the index of words where that says it all."""
    if query is not None and ask(query).exact:
        return search(connection, query, 0).days
    return matches.days(connection, topic.id)


def _threads(listed: list[Shown]) -> list[tuple[Shown, ...]]:
    """Questions of a list with those of the same thread together, where the first of them is."""

    def root(one: Shown) -> str:
        return one.question.parent or one.question.id

    place = {root(one): number for number, one in reversed(list(enumerate(listed)))}
    together = sorted(listed, key=lambda one: (place[root(one)], *_number(one.question)))
    return [tuple(some) for _, some in groupby(together, key=root)]


def _number(question: Question) -> tuple[bool, int]:
    return question.kind == "supplementary", question.supplementary_number or 0
