"""Exports: everything that matches a query, as CSV or JSON Lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from alerts.export import encode_csv, encode_json_lines
from alerts.ledger import StatementTimeout, questions
from alerts.queries import QueryError, parse_query
from alerts.search import TimeBudget, search_questions
from alerts.web.api.parameters import ApiError, read_text
from alerts.web.api.responses import SEARCH_TOO_LONG, build_error_response
from alerts.web.context import WebContext
from alerts.web.rate_limits import TOO_MANY_REQUESTS, RateLimits
from crawler.records import Question

#: Questions in one export: 30 MB of JSON. ``/api/v1/changes`` has more, page by page.
_MAX_QUESTIONS = 10_000
#: Seconds that an export's search may spend on matching.
_SEARCH_SECONDS = 20.0
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 10.0
#: Questions loaded at once while an export is written: 200 of 3 kB are 600 kB.
_BATCH_SIZE = 200
_CACHE_CONTROL = "public, max-age=60"

_Encoder: TypeAlias = Callable[[Iterator[Question]], Iterator[bytes]]


class _ExportFormat(msgspec.Struct, frozen=True):
    extension: str
    media_type: str
    encode: _Encoder


_FORMATS = (
    _ExportFormat("csv", "text/csv; charset=utf-8; header=present", encode_csv),
    _ExportFormat("jsonl", "application/jsonl", encode_json_lines),
)


class Exports:
    """The export routes."""

    def __init__(self, context: WebContext, limits: RateLimits) -> None:
        self._context, self._limits = context, limits

    def build_routes(self) -> list[Route]:
        """Return one route for each format."""
        return [self._build_route(export_format) for export_format in _FORMATS]

    def _build_route(self, export_format: _ExportFormat) -> Route:
        async def answer(request: Request) -> Response:
            return await self._export(request, export_format)

        return Route(f"/api/v1/export.{export_format.extension}", answer, methods=["GET"])

    async def _export(self, request: Request, export_format: _ExportFormat) -> Response:
        if not self._limits.allow_export(request):
            return build_error_response(ApiError(429, TOO_MANY_REQUESTS))
        try:
            ids, total = await run_in_threadpool(self.find_ids, request)
        except (ApiError, QueryError, StatementTimeout) as error:
            return build_error_response(error)
        headers = {
            "Content-Disposition": f'attachment; filename="questions.{export_format.extension}"',
            "X-Total-Count": str(total),
            "Cache-Control": _CACHE_CONTROL,
        }
        rows = export_format.encode(self._read_records(ids))
        return StreamingResponse(rows, 200, headers, media_type=export_format.media_type)

    def find_ids(self, request: Request) -> tuple[list[str], int]:
        """Return the ids of the questions to export, newest first, and how many match.

        Raises:
            ApiError: 503 where the search could not be finished in time.
            QueryError: the query cannot be read.
            StatementTimeout: the database took too long.
        """
        query = parse_query(read_text(request, "q"))
        with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            found = search_questions(connection, query, _MAX_QUESTIONS, TimeBudget(_SEARCH_SECONDS))
        if found.is_estimate:
            raise ApiError(503, SEARCH_TOO_LONG)
        return [one.question_id for one in found.newest], found.total

    def _read_records(self, ids: list[str]) -> Iterator[Question]:
        for start in range(0, len(ids), _BATCH_SIZE):
            batch = ids[start : start + _BATCH_SIZE]
            with self._context.ledger.reading() as connection:
                records = questions.list_records(connection, batch)
            yield from records
