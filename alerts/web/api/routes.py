"""The JSON API, for programs: search, records, topics, changes since a cursor, exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from alerts.errors import WatchwordError
from alerts.export.tables import encode_csv, encode_json_lines
from alerts.ledger import changes, matches, questions, topics
from alerts.ledger.engine import StatementTimeout
from alerts.queries import QueryError, parse_query
from alerts.search import SearchResults, TimeBudget, search_questions
from alerts.web.api.models import (
    ChangePage,
    ChangeResponse,
    ErrorResponse,
    QuestionPage,
    TopicPage,
    TopicResponse,
    describe_topic,
)
from alerts.web.api.openapi import build_openapi
from alerts.web.context import WebContext
from alerts.web.http_cache import is_unchanged, strong_tag
from alerts.web.rate_limits import RateLimits
from crawler.records import Question

#: What a search may spend on deciding, and an export, in seconds; and the database on a statement.
_SEARCH_SECONDS, _EXPORT_SECONDS, _STATEMENT_SECONDS = 0.5, 20.0, 10.0
_DEFAULT_LIMIT, _MAX_LIMIT = 20, 100
#: How far a search can be paged, and how much of it exported; there is more in the changes.
_MAX_RESULTS = 10_000
_MAX_CURSOR = 2**62

#: For everybody, from any page, for a minute.
_PUBLIC_HEADERS = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}

_RequestHandler: TypeAlias = Callable[[Request], msgspec.Struct]


class ApiError(WatchwordError):
    """A request that we refuse: the status, and what to do in one sentence."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


class ApiRoutes:
    """The API, over an open ledger."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits
        self._document = msgspec.json.encode(build_openapi(context.feed_identity))

    def build_routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/api/openapi.json", self._serve_openapi, methods=["GET"]),
            _build_route("/api/v1/questions", self.search_questions),
            _build_route("/api/v1/questions/{id:path}", self.get_question),
            _build_route("/api/v1/topics", self.list_topics),
            _build_route("/api/v1/topics/{slug}", self.get_topic),
            _build_route("/api/v1/changes", self.list_changes),
            Route("/api/v1/export.csv", self._export_csv, methods=["GET"]),
            Route("/api/v1/export.jsonl", self._export_json_lines, methods=["GET"]),
            Route("/api/{rest:path}", _answer_not_found),
        ]

    async def _serve_openapi(self, request: Request) -> Response:
        return _build_json_response(request, self._document)

    def search_questions(self, request: Request) -> QuestionPage:
        """The newest questions that match a query, page by page."""
        limit = _read_number(request, "limit", _DEFAULT_LIMIT, 1, _MAX_LIMIT)
        offset = _read_number(request, "cursor", 0, 0, _MAX_RESULTS)
        found, records = self._find_records(request, limit, offset, TimeBudget(_SEARCH_SECONDS))
        more = offset + limit < found.total and len(records) == limit
        return QuestionPage(
            tuple(records), found.total, found.is_estimate, offset + limit if more else None
        )

    def _find_records(
        self, request: Request, limit: int, offset: int, budget: TimeBudget
    ) -> tuple[SearchResults, list[Question]]:
        query = parse_query(_read_text(request, "q"))
        with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            found = search_questions(connection, query, offset + limit, budget)
            ids = [one.question_id for one in found.newest[offset:]]
            records: dict[str, Question] = {}
            for start in range(0, len(ids), 500):
                records |= {
                    q.id: q for q in questions.load_records(connection, ids[start : start + 500])
                }
        return found, [records[one] for one in ids]

    def get_question(self, request: Request) -> Question:
        """One canonical record."""
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, _reject_nul(request.path_params["id"]))
        if stored is None:
            raise ApiError(404, "There is no such question.")
        return stored.record

    def list_topics(self, request: Request) -> TopicPage:
        """Topics that anybody watches or watched, oldest first."""
        limit = _read_number(request, "limit", _DEFAULT_LIMIT, 1, _MAX_LIMIT)
        after = _read_number(request, "after", 0, 0, _MAX_CURSOR)
        with self._context.ledger.reading() as connection:
            found = topics.list_page(connection, after, limit)
        listed = tuple(describe_topic(topic, self._context.feed_identity) for topic in found)
        return TopicPage(listed, found[-1].id if len(found) == limit else None)

    def get_topic(self, request: Request) -> TopicResponse:
        """One topic, with how many questions match it."""
        with self._context.ledger.reading() as connection:
            topic = topics.find_by_slug(connection, _reject_nul(request.path_params["slug"]))
            if topic is None:
                raise ApiError(404, "There is no such topic.")
            ever = sum(matches.count_by_day(connection, topic.id).values())
        return msgspec.structs.replace(
            describe_topic(topic, self._context.feed_identity), questions=ever
        )

    def list_changes(self, request: Request) -> ChangePage:
        """What happened, in the order in which we recorded it, after a cursor."""
        limit = _read_number(request, "limit", _DEFAULT_LIMIT, 1, _MAX_LIMIT)
        after = _read_number(request, "after", 0, 0, _MAX_CURSOR)
        slug = request.query_params.get("topic")
        with self._context.ledger.reading() as connection:
            if slug is None:
                newest = changes.get_newest_seq(connection)
                found = changes.list_between(connection, after, newest, limit)
            else:
                topic = topics.find_by_slug(connection, _reject_nul(slug))
                if topic is None:
                    raise ApiError(404, "There is no such topic.")
                numbers = matches.list_after(connection, topic.id, after, limit)
                known = changes.get(connection, numbers)
                found = [known[number] for number in numbers]
        told = tuple(
            ChangeResponse(one.seq, one.change.kind, one.recorded_at, one.change.after)
            for one in found
        )
        return ChangePage(told, told[-1].number if told else after, len(told) == limit)

    async def _export_csv(self, request: Request) -> Response:
        return await self._export(
            request, encode_csv, "text/csv; charset=utf-8; header=present", "csv"
        )

    async def _export_json_lines(self, request: Request) -> Response:
        return await self._export(request, encode_json_lines, "application/jsonl", "jsonl")

    async def _export(
        self,
        request: Request,
        write_rows: Callable[[Iterator[Question]], Iterator[bytes]],
        media_type: str,
        extension: str,
    ) -> Response:
        """All that matches a query, the newest first, as a file."""
        if not self._limits.allow_export(request):
            return _build_error_response(
                ApiError(429, "That was often. Please try again in an hour.")
            )
        try:
            ids, total = await run_in_threadpool(self.find_export_ids, request)
        except (ApiError, QueryError, StatementTimeout) as error:
            return _build_error_response(error)
        headers = {
            "Content-Disposition": f'attachment; filename="questions.{extension}"',
            "X-Total-Count": str(total),
            "Cache-Control": "public, max-age=60",
        }
        return StreamingResponse(
            write_rows(self._read_records(ids)), 200, headers, media_type=media_type
        )

    def find_export_ids(self, request: Request) -> tuple[list[str], int]:
        """The ids of what an export holds, and how many questions match."""
        query = parse_query(_read_text(request, "q"))
        with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            found = search_questions(connection, query, _MAX_RESULTS, TimeBudget(_EXPORT_SECONDS))
        if found.is_estimate:
            raise ApiError(503, "That takes too long to look for. Add a rarer word.")
        return [one.question_id for one in found.newest], found.total

    def _read_records(self, ids: list[str]) -> Iterator[Question]:
        for start in range(0, len(ids), 200):
            some = ids[start : start + 200]
            with self._context.ledger.reading() as connection:
                records = {q.id: q for q in questions.load_records(connection, some)}
            yield from (records[one] for one in some if one in records)


def _build_route(path: str, handler: _RequestHandler) -> Route:
    async def answer(request: Request) -> Response:
        try:
            found = await run_in_threadpool(handler, request)
        except (ApiError, QueryError, StatementTimeout) as error:
            return _build_error_response(error)
        return _build_json_response(request, msgspec.json.encode(found))

    return Route(path, answer, methods=["GET"])


def _build_json_response(request: Request, body: bytes) -> Response:
    """JSON with an entity tag, or the word that the asker has it."""
    tag = strong_tag(body)
    headers = {"ETag": tag, **_PUBLIC_HEADERS}
    if is_unchanged(request.headers, tag):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def _build_error_response(error: ApiError | QueryError | StatementTimeout) -> Response:
    match error:
        case ApiError():
            status, said = error.status, error.error
        case QueryError():
            status, said = 400, str(error)
        case _:
            status, said = 503, "That takes too long to look for. Add a rarer word."
    return Response(msgspec.json.encode(ErrorResponse(said)), status, media_type="application/json")


async def _answer_not_found(_request: Request) -> Response:
    return _build_error_response(
        ApiError(404, "There is nothing here; /api/openapi.json says what there is.")
    )


def _read_text(request: Request, name: str) -> str:
    return _reject_nul(request.query_params.get(name, ""))


def _reject_nul(text: str) -> str:
    """``text``, which no database takes with a NUL in it."""
    if "\0" in text:
        raise ApiError(400, "Leave out the NUL character.")
    return text


def _read_number(request: Request, name: str, default: int, minimum: int, maximum: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or not minimum <= int(text) <= maximum:
        raise ApiError(400, f"{name}: expected a whole number from {minimum} to {maximum}.")
    return int(text)
