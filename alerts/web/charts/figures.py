"""What the charts of a search, a topic and a member count, and what they say about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode, urlsplit

import msgspec
from sqlalchemy import Connection

from alerts.charts import (
    ChartLinks,
    Figure,
    MonthCount,
    begin_of_charts,
    build_comparison,
    build_monthly_chart,
    count_months,
)
from alerts.language import format_month, gettext
from alerts.ledger import bodies, members
from alerts.ledger.topics import Topic
from alerts.queries import parse_query
from alerts.rendering import name_in_sentence
from alerts.search import TimeBudget, search_questions
from alerts.web.work import WorkContext


class CountedMonths(msgspec.Struct, frozen=True):
    """What a search found, for a chart."""

    months: tuple[MonthCount, ...]
    total: int
    unanswered: int  #: of ``total``
    is_complete: bool  #: whether ``total`` is all; if not, there are at least so many


def count_search(
    connection: Connection, typed: str, today: date, budget: TimeBudget | None
) -> CountedMonths:
    """Return the questions that match a query, by month.

    Args:
        connection: The ledger.
        typed: The query as somebody typed it.
        today: The day in whose month the chart ends.
        budget: The time after which no older questions are counted; None to count all.

    Raises:
        QueryError: ``typed`` is no query.
    """
    found = search_questions(connection, parse_query(typed), 0, budget)
    months = count_months(found.counts_by_day, found.unanswered_by_day, today, found.decided_to)
    return CountedMonths(
        months, found.total, sum(found.unanswered_by_day.values()), found.is_complete
    )


def count_member_months(
    connection: Connection, member_id: str, today: date
) -> tuple[MonthCount, ...]:
    """Return the questions that a member asked, by month."""
    by_day, unanswered = members.count_by_day(connection, member_id, begin_of_charts(today))
    return count_months(by_day, unanswered, today)


def count_body_months(connection: Connection, body_id: str, today: date) -> tuple[MonthCount, ...]:
    """Return the questions that were put to a body, by month."""
    by_day, unanswered = bodies.count_by_day(connection, body_id, begin_of_charts(today))
    return count_months(by_day, unanswered, today)


def describe_source(context: WorkContext) -> str:
    """Return where numbers come from: ``Source: London Assembly, read by Watchword``."""
    names = [source.name for source in context.site.sources.values()]
    names = names or [urlsplit(context.feed_identity.home_url).netloc]
    values = {"source": ", ".join(names), "service": context.name}
    return gettext("Source: %(source)s, read by %(service)s") % values


def build_search_chart(
    context: WorkContext, typed: str, months: Sequence[MonthCount], *, can_compare: bool = True
) -> Figure:
    """Return the figure of the questions that match a query.

    Args:
        context: What it is made with.
        typed: The query.
        months: What it found.
        can_compare: Whether it links to the page that compares.
    """
    compare = compare_path(typed) if can_compare else None
    return build_monthly_chart(
        months,
        subject=typed,
        counted=_describe_search(typed, months),
        source=describe_source(context),
        links=ChartLinks("/charts/search", {"q": typed}, compare),
    )


def _describe_search(typed: str, months: Sequence[MonthCount]) -> str:
    """Return what a chart of a search counts; a search that ran out of time has fewer months."""
    if months and months[0].month > begin_of_charts(months[-1].month):
        sentence = gettext("Questions a month that match %(query)s, counted since %(month)s")
        return sentence % {"query": typed, "month": format_month(months[0].month)}
    sentence = gettext(
        "Questions a month that match %(query)s, by the month in which they were asked"
    )
    return sentence % {"query": typed}


def build_topic_chart(context: WorkContext, topic: Topic, months: Sequence[MonthCount]) -> Figure:
    """Return the figure of a public topic."""
    sentence = gettext("Questions a month on %(topic)s, by the month in which they were asked")
    compare = compare_path(topic.canonical) if topic.canonical else None
    return build_monthly_chart(
        months,
        subject=topic.title,
        counted=sentence % {"topic": topic.title},
        source=describe_source(context),
        links=ChartLinks(f"/charts/topics/{topic.slug}", compare=compare),
    )


def build_member_chart(
    context: WorkContext, member_id: str, name: str, months: Sequence[MonthCount]
) -> Figure:
    """Return the figure of the questions that a member asked."""
    return build_monthly_chart(
        months,
        subject=name,
        counted=gettext("Questions that %(member)s asked, by month") % {"member": name},
        source=describe_source(context),
        links=ChartLinks(f"/charts/members/{member_id}"),
    )


def build_body_chart(
    context: WorkContext, body_id: str, name: str, months: Sequence[MonthCount]
) -> Figure:
    """Return the figure of the questions that were put to a body."""
    named = name_in_sentence(name)
    return build_monthly_chart(
        months,
        subject=name,
        counted=gettext("Questions to %(body)s, by month") % {"body": named},
        source=describe_source(context),
        links=ChartLinks(f"/charts/bodies/{body_id}"),
    )


def compare_with_search(first: Figure, second: Figure, typed: str) -> Figure:
    """Return the figure that compares the first of two figures with that of a query.

    Args:
        first: Of a search, a topic or a member.
        second: Of the query.
        typed: The query.
    """
    parameters = {**first.links.parameters, "vs": typed}
    return build_comparison(first, second, ChartLinks(first.links.path, parameters))


def compare_path(typed: str) -> str:
    """Return the path of the page that compares a query with another: ``/compare?q=VRU``."""
    return f"/compare?{urlencode({'q': typed})}"
