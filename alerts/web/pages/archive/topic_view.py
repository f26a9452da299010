"""What a topic's page shows, read from the ledger."""

from __future__ import annotations

from datetime import date
from itertools import groupby

import msgspec
from sqlalchemy import Connection

from alerts.charts import MonthCount, begin_of_charts, count_months
from alerts.feeds import parse_topic_query
from alerts.ledger import matches, question_counts, questions, topic_lists, topics, word_index
from alerts.ledger.question_counts import AnswerState, AnswerTimes, Ranking
from alerts.ledger.topics import Topic
from alerts.search import QuestionExcerpt, build_excerpt
from alerts.web.topic_counts import count_topic_questions
from crawler.records import Question

#: Members, bodies and topics named beside a topic: a ranking has at most eight rows.
_MAX_RANKED = 8


class TopicView(msgspec.Struct, frozen=True):
    """A topic and one page of the questions that match it."""

    topic: Topic
    question_count: int  #: of all questions that match
    archive_start: date | None  #: day of our oldest question; None for an empty archive
    months: tuple[MonthCount, ...]  #: of the last two years, for the chart
    #: Newest first; each a question and the supplementaries of the same thread.
    threads: tuple[tuple[QuestionExcerpt, ...], ...]
    has_more: bool
    answers: AnswerTimes  #: all questions that match, counted by their answers
    askers: Ranking  #: who asked most of them
    bodies: Ranking  #: who was asked most of them
    related: tuple[tuple[str, str], ...]  #: public topics that share most matches: slug, title
    newest_change: int  #: the number of the newest change in the list; the other pages keep to it


def find_topic_view(
    connection: Connection,
    slug: str,
    *,
    today: date,
    page: int,
    page_size: int,
    up_to: int | None = None,
    state: AnswerState | None = None,
) -> TopicView | None:
    """Return the public topic with one page of its questions; None for an unknown slug.

    Args:
        connection: The ledger.
        slug: The topic's.
        today: The day that the chart ends with.
        page: The number of the page, from 1.
        page_size: Questions on a page.
        up_to: The newest change in the list, so that later ones shift no page; None for all.
        state: Which of the questions are listed; None for all.
    """
    topic = topics.find_public_by_slug(connection, slug)
    if topic is None:
        return None
    query = parse_topic_query(topic)
    newest = matches.get_newest_seq(connection, topic.id) if up_to is None else up_to
    begin = begin_of_charts(today)
    question_count, days, unanswered = count_topic_questions(connection, topic, query, begin)
    offset = (page - 1) * page_size
    condition = question_counts.has_state(state) if state else None
    ids = matches.list_questions(connection, topic.id, page_size + 1, offset, newest, condition)
    records = questions.list_records(connection, ids[:page_size])
    excerpts = [build_excerpt(record, query) for record in records]
    counted = topic_lists.count_questions(connection, topic.id)
    return TopicView(
        topic,
        question_count=question_count,
        archive_start=word_index.get_first_day(connection),
        months=count_months(days, unanswered, today),
        threads=tuple(_group_by_thread(excerpts)),
        has_more=len(ids) > page_size,
        answers=counted.answers,
        askers=question_counts.rank(connection, "person", counted, _MAX_RANKED),
        bodies=question_counts.rank(connection, "body", counted, _MAX_RANKED),
        related=tuple(topic_lists.list_related(connection, topic.id, _MAX_RANKED)),
        newest_change=newest,
    )


def _group_by_thread(excerpts: list[QuestionExcerpt]) -> list[tuple[QuestionExcerpt, ...]]:
    """Return the excerpts by thread, each thread in the place of its first excerpt."""

    def get_root(excerpt: QuestionExcerpt) -> str:
        return excerpt.question.parent or excerpt.question.id

    places = {get_root(one): place for place, one in reversed(list(enumerate(excerpts)))}
    in_order = sorted(
        excerpts, key=lambda one: (places[get_root(one)], *_get_thread_order(one.question))
    )
    return [tuple(thread) for _, thread in groupby(in_order, key=get_root)]


def _get_thread_order(question: Question) -> tuple[bool, int]:
    return question.kind == "supplementary", question.supplementary_number or 0
