"""The API's routes: search, records, topics, changes since a cursor, and the OpenAPI document."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.ledger import StatementTimeout, changes, matches, publication, questions, topics
from alerts.ledger.topics import Topic
from alerts.limits import Limit
from alerts.queries import QueryError, parse_query
from alerts.search import SearchPosition, TimeBudget, find_small_forms, search_questions
from alerts.web.api.exports import Exports
from alerts.web.api.models import (
    ChangePage,
    ChangeResponse,
    QuestionPage,
    TopicPage,
    TopicResponse,
    describe_topic,
)
from alerts.web.api.openapi import build_openapi
from alerts.web.api.parameters import (
    ApiError,
    read_number,
    read_position,
    read_text,
    reject_nul,
)
from alerts.web.api.responses import (
    answer_not_found,
    build_error_response,
    build_json_response,
    build_route,
)
from alerts.web.context import WebContext
from alerts.web.errors import NOT_PUBLIC, TAKEN_DOWN
from alerts.web.heavy_work import HeavyWork, describe_work
from alerts.web.rate_limits import RateLimits
from alerts.web.work import WorkContext
from crawler.records import Question

#: Seconds that a search may spend on matching.
_SEARCH_SECONDS = 0.1
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0
_DEFAULT_LIMIT = 20
#: Items on one page: 100 questions of 3 kB are 300 kB.
_MAX_LIMIT = 100
#: Fits the 64-bit integers of both databases.
_MAX_CURSOR = 2**62


class ApiRoutes:
    """The JSON API over an open ledger."""

    def __init__(self, context: WebContext, limits: RateLimits, work: HeavyWork) -> None:
        self._context, self._limits, self._work = context, limits, work
        self._exports = Exports(limits, work)
        self._document = msgspec.json.encode(build_openapi(context.feed_identity))

    def build_routes(self) -> list[Route]:
        """Return all routes below ``/api/``."""
        return [
            Route("/api/openapi.json", self._get_openapi, methods=["GET"]),
            Route("/api/v1/questions", self._search_questions, methods=["GET"]),
            build_route("/api/v1/questions/{id:path}", self.get_question),
            build_route("/api/v1/topics", self.list_topics),
            build_route("/api/v1/topics/{slug}", self.get_topic),
            build_route("/api/v1/changes", self.list_changes),
            *self._exports.build_routes(),
            Route("/api/{rest:path}", answer_not_found),
        ]

    async def _get_openapi(self, request: Request) -> Response:
        return build_json_response(request, self._document)

    async def _search_questions(self, request: Request) -> Response:
        try:
            await self._limits.count_often(Limit.SEARCHES, request)
            limit, after = _read_limit(request), read_position(request, "cursor")
            typed = read_text(request, "q")
            asked = describe_work(request, "search")
            body = await self._work.run(asked, find_questions, typed, limit, after)
        except (ApiError, QueryError, StatementTimeout, HTTPException) as error:
            return build_error_response(error)
        return build_json_response(request, body)

    def get_question(self, request: Request) -> Question:
        """Return one canonical record."""
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, reject_nul(request.path_params["id"]))
        if stored is None:
            raise ApiError(404, "There is no such question.")
        if stored.record.is_taken_down:
            raise ApiError(410, TAKEN_DOWN)
        return stored.record

    def list_topics(self, request: Request) -> TopicPage:
        """Return one page of the public topics, in the order in which they were published."""
        limit, after = _read_limit(request), _read_cursor(request)
        with self._context.ledger.reading() as connection:
            found = topics.list_page(connection, after, limit)
        described = tuple(describe_topic(topic, self._context.feed_identity) for topic in found)
        return TopicPage(described, found[-1].publication if len(found) == limit else None)

    def get_topic(self, request: Request) -> TopicResponse:
        """Return one topic, with the number of questions that match it."""
        with self._context.ledger.reading() as connection:
            topic = _find_topic(connection, reject_nul(request.path_params["slug"]))
            total = matches.count_questions(connection, topic.id)
        described = describe_topic(topic, self._context.feed_identity)
        return msgspec.structs.replace(described, questions=total)

    def list_changes(self, request: Request) -> ChangePage:
        """Return one page of the changes after a cursor, in the order they were recorded."""
        limit, after = _read_limit(request), _read_cursor(request)
        slug = request.query_params.get("topic")
        with self._context.ledger.reading() as connection:
            if slug is None:
                newest = changes.get_newest_seq(connection)
                found = changes.list_between(connection, after, newest, limit)
                reached, has_more = found[-1].seq if found else after, len(found) == limit
            else:
                numbers = _list_topic_numbers(connection, reject_nul(slug), after, limit)
                found = changes.list_by_seqs(connection, numbers)
                # A change that cannot be read is passed over, and ends no list.
                reached, has_more = numbers[-1] if numbers else after, len(numbers) == limit
        page = tuple(
            ChangeResponse(one.seq, one.change.kind, one.recorded_at, one.change.after)
            for one in found
        )
        return ChangePage(page, reached, has_more)


def find_questions(
    context: WorkContext, typed: str, limit: int, after: SearchPosition | None
) -> bytes:
    """Return one page of the questions that match a query, newest first, as a `QuestionPage`.

    Raises:
        QueryError: the query cannot be read.
        StatementTimeout: the database took too long.
    """
    query = parse_query(typed)
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        budget = TimeBudget(_SEARCH_SECONDS)
        found = search_questions(connection, query, limit, budget, after)
        ids = [one.question_id for one in found.newest]
        records = questions.list_records(connection, ids)
        small_forms = find_small_forms(connection, query, budget) if after is None else []
    page = QuestionPage(
        questions=tuple(records),
        total=found.total,
        is_at_least=not found.is_complete,
        next=found.next.format() if found.next else None,
        small_forms=tuple(small_forms),
    )
    return msgspec.json.encode(page)


def _find_topic(connection: Connection, slug: str) -> Topic:
    """Return the public topic with a slug.

    Raises:
        ApiError: 404 where there is no such topic, 410 where it is not public any more.
    """
    topic = topics.find_public_by_slug(connection, slug)
    if topic is not None:
        return topic
    if publication.is_retired(connection, slug):
        raise ApiError(410, NOT_PUBLIC)
    raise ApiError(404, "There is no such topic.")


def _list_topic_numbers(connection: Connection, slug: str, after: int, limit: int) -> list[int]:
    """Return the numbers of changes above ``after`` that match a topic, in order.

    Raises:
        ApiError: 404 where there is no such topic, 410 where it is not public any more.
    """
    topic = _find_topic(connection, slug)
    return matches.list_after(connection, topic.id, after, limit)


def _read_limit(request: Request) -> int:
    return read_number(request, "limit", _DEFAULT_LIMIT, minimum=1, maximum=_MAX_LIMIT)


def _read_cursor(request: Request) -> int:
    return read_number(request, "after", 0, minimum=0, maximum=_MAX_CURSOR)
