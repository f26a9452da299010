"""Making the file of a chart or a picture: heavy work, done where searches are done."""

from __future__ import annotations

from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from alerts.charts import (
    Figure,
    LinkPicture,
    MonthCount,
    draw_link_picture,
    write_file,
)
from alerts.language import format_day, format_number, gettext, ngettext
from alerts.ledger import bodies, members, publication, questions, topics, word_index
from alerts.ledger.topics import Topic
from alerts.search import TimeBudget
from alerts.web.charts.figures import (
    build_body_chart,
    build_member_chart,
    build_search_chart,
    build_topic_chart,
    compare_with_search,
    count_body_months,
    count_member_months,
    count_search,
)
from alerts.web.errors import NOT_PUBLIC, TAKEN_DOWN
from alerts.web.topic_counts import count_topic_months
from alerts.web.work import WorkContext
from crawler.records import Question, name_question

Subject: TypeAlias = Literal["search", "topics", "members", "bodies", "questions", "service"]
Ending: TypeAlias = Literal["svg", "png", "csv"]

#: Seconds that the questions of one search may take to be decided. A file is asked for once and
#: kept for minutes, so it may take longer than a page that is shown while somebody types.
_SEARCH_SECONDS = 0.4
#: Seconds that the database may spend on one statement, as for the page of a search.
_STATEMENT_SECONDS = 2.0


class ChartRequest(msgspec.Struct, frozen=True):
    """Which chart is asked for, in which form."""

    subject: Subject
    key: str  #: the query, or the name of a topic or member in its address
    ending: Ending
    versus: str | None = None  #: the query to compare with


def make_chart_file(context: WorkContext, asked: ChartRequest) -> bytes:
    """Return the file of a chart.

    Raises:
        QueryError: A query cannot be read.
        HTTPException: 404 for an unknown topic or member, 410 for a topic that was public.
    """
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        figure = _build_figure(context, connection, asked)
    return write_file(figure, asked.ending, context.feed_identity.public_url)


def _build_figure(context: WorkContext, connection: Connection, asked: ChartRequest) -> Figure:
    figure = _build_first(context, connection, asked)
    if asked.versus is None:
        return figure
    other = _build_of_search(context, connection, asked.versus)
    return compare_with_search(figure, other, asked.versus)


def _build_first(context: WorkContext, connection: Connection, asked: ChartRequest) -> Figure:
    key, today = asked.key, context.clock().date()
    if asked.subject == "topics":
        topic = _find_topic(connection, key)
        return build_topic_chart(context, topic, count_topic_months(connection, topic, today))
    if asked.subject == "members":
        name = _find_member(connection, key)
        return build_member_chart(context, key, name, count_member_months(connection, key, today))
    if asked.subject == "bodies":
        name = _find_body(connection, key)
        return build_body_chart(context, key, name, count_body_months(connection, key, today))
    return _build_of_search(context, connection, key)


def _build_of_search(context: WorkContext, connection: Connection, typed: str) -> Figure:
    budget = TimeBudget(_SEARCH_SECONDS)
    counted = count_search(connection, typed, context.clock().date(), budget)
    return build_search_chart(context, typed, counted.months)


def _find_topic(connection: Connection, slug: str) -> Topic:
    topic = topics.find_public_by_slug(connection, slug)
    if topic is not None:
        return topic
    if publication.is_retired(connection, slug):
        raise HTTPException(410, NOT_PUBLIC)
    raise HTTPException(404, gettext("There is no such topic."))


def _find_member(connection: Connection, member_id: str) -> str:
    name = members.find_name(connection, member_id)
    if name is None:
        raise HTTPException(404, gettext("There is no such member."))
    return name


def _find_body(connection: Connection, body_id: str) -> str:
    body = bodies.find(connection, body_id)
    if body is None:
        raise HTTPException(404, gettext("There is no such body."))
    return body.name


def make_link_picture(context: WorkContext, asked: ChartRequest) -> bytes:
    """Return the picture that other sites show beside a link to a page of ours, as PNG.

    Errors as of `make_chart_file`.
    """
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        picture = _describe_page(context, connection, asked)
    return draw_link_picture(picture)


def _describe_page(
    context: WorkContext, connection: Connection, asked: ChartRequest
) -> LinkPicture:
    today, foot = context.clock().date(), _find_host(context)
    months: tuple[MonthCount, ...]
    if asked.subject == "service":
        title = gettext("Email alerts for public questions and answers")
        return LinkPicture(service=context.name, title=title, foot=foot)
    if asked.subject == "questions":
        return _describe_question(context, connection, asked.key)
    if asked.subject == "topics":
        topic = _find_topic(connection, asked.key)
        title, months = topic.title, count_topic_months(connection, topic, today)
        details = _count_since(months)
    elif asked.subject == "members":
        title = _find_member(connection, asked.key)
        months = count_member_months(connection, asked.key, today)
        details = _count_since(months)
    elif asked.subject == "bodies":
        title = _find_body(connection, asked.key)
        months = count_body_months(connection, asked.key, today)
        details = _count_since(months)
    else:
        found = count_search(connection, asked.key, today, TimeBudget(_SEARCH_SECONDS))
        if not found.total:  # our name is not put beside whatever words somebody likes
            return LinkPicture(service=context.name, title=context.name, foot=foot)
        title, months = asked.key, found.months
        details = _count_all(connection, found.total, is_complete=found.is_complete)
    has_bars = sum(one.total for one in months) > 0
    return LinkPicture(
        service=context.name,
        title=title,
        details=(details,),
        months=months if has_bars else (),
        foot=foot,
    )


def _describe_question(context: WorkContext, connection: Connection, key: str) -> LinkPicture:
    stored = questions.find(connection, key)
    if stored is None:
        raise HTTPException(404, gettext("There is no such question."))
    record = stored.record
    if record.is_taken_down:
        raise HTTPException(410, TAKEN_DOWN)
    return LinkPicture(
        service=context.name,
        title=name_question(record),
        is_record=True,
        details=_describe_record(record),
        foot=_find_host(context),
    )


def _describe_record(record: Question) -> tuple[str, ...]:
    asker = record.asked_by.name if record.asked_by else None
    day = record.meeting.date if record.meeting else None
    status = {
        "answered": gettext("Answered"),
        "holding": gettext("Holding reply"),
        "unanswered": gettext("Unanswered"),
    }[record.status]
    parts = (asker, format_day(day) if day else None, record.reference)
    first = " · ".join(part for part in parts if part)
    return tuple(filter(None, (first, status)))


def _count_since(months: tuple[MonthCount, ...]) -> str:
    total = sum(one.total for one in months)
    sentence = ngettext(
        "%(number)s question in the last two years",
        "%(number)s questions in the last two years",
        total,
    )
    return sentence % {"number": format_number(total)}


def _count_all(connection: Connection, total: int, *, is_complete: bool) -> str:
    first_day = word_index.get_first_day(connection)
    values = {"number": format_number(total), "day": format_day(first_day)}
    if not is_complete:
        sentence = ngettext(
            "At least %(number)s question", "At least %(number)s questions", total
        )  # fmt: skip
    elif first_day is None:
        sentence = ngettext("%(number)s question", "%(number)s questions", total)
    else:
        sentence = ngettext(
            "%(number)s question since %(day)s", "%(number)s questions since %(day)s", total
        )
    return sentence % values


def _find_host(context: WorkContext) -> str:
    return urlsplit(context.feed_identity.public_url or "").netloc
