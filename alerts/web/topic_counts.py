"""How many questions a public topic matches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from alerts.charts import MonthCount, begin_of_charts, count_months
from alerts.feeds import parse_topic_query
from alerts.ledger import matches
from alerts.ledger.topics import Topic
from alerts.queries import Query, index_terms
from alerts.search import search_questions


def count_topic_questions(
    connection: Connection, topic: Topic, query: Query | None, unanswered_since: date
) -> tuple[int, Mapping[date, int], Mapping[date, int]]:
    """Return how many questions match: in all, by day, and by day those not answered.

    From the index where that is exact.

    Args:
        connection: The ledger.
        topic: The topic.
        query: Its query; None for one that is not made of words.
        unanswered_since: Those not answered of earlier days are not needed.
    """
    if query is not None and index_terms.build_index_query(query).is_exact:
        found = search_questions(connection, query, 0)
        if found.is_complete:
            return found.total, found.counts_by_day, found.unanswered_by_day
    by_day = matches.count_by_day(connection, topic.id, unanswered_since)
    return matches.count_questions(connection, topic.id), *by_day


def count_topic_months(connection: Connection, topic: Topic, today: date) -> tuple[MonthCount, ...]:
    """Return the questions that match a topic, by month, for its chart."""
    query, begin = parse_topic_query(topic), begin_of_charts(today)
    _, days, unanswered = count_topic_questions(connection, topic, query, begin)
    return count_months(days, unanswered, today)
