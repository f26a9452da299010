"""Exports: everything that matches a query, as CSV or JSON Lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from alerts.export import encode_csv, encode_json_lines
from alerts.ledger import StatementTimeout, questions
from alerts.limits import Limit
from alerts.queries import Query, QueryError, parse_query
from alerts.search import SearchPosition, TimeBudget, list_results, search_questions
from alerts.web.api.parameters import ApiError, read_text
from alerts.web.api.responses import build_error_response
from alerts.web.context import WebContext
from alerts.web.rate_limits import RateLimits
from crawler.records import Question

#: Seconds that an export's search may spend on counting before the first row is sent.
_COUNT_SECONDS = 0.5
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 10.0
#: Questions that are looked up at once: 1,000 ids are 100 kB, and each look-up takes up to 50 ms.
_PAGE_SIZE = 1000
#: Questions loaded at once while an export is written: 200 of 3 kB are 600 kB.
_BATCH_SIZE = 200
#: Characters of the query in a file's name.
_MAX_NAME_LENGTH = 60
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
        try:
            await self._limits.count(Limit.EXPORTS, request)
            query, total = await run_in_threadpool(self.read_query, request)
        except (ApiError, QueryError, StatementTimeout, HTTPException) as error:
            return build_error_response(error)
        name = f"{_build_file_name(read_text(request, 'q'))}.{export_format.extension}"
        headers = {
            "Content-Disposition": _describe_attachment(name),
            **({} if total is None else {"X-Total-Count": str(total)}),
            "Cache-Control": _CACHE_CONTROL,
        }
        rows = export_format.encode(self._read_records(query))
        return StreamingResponse(rows, 200, headers, media_type=export_format.media_type)

    def read_query(self, request: Request) -> tuple[Query, int | None]:
        """Return the query, and how many questions match it; None if counting takes too long.

        Raises:
            ApiError: the query has a character that no query may have.
            QueryError: the query cannot be read.
            StatementTimeout: the database took too long.
        """
        query = parse_query(read_text(request, "q"))
        with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            found = search_questions(connection, query, 0, TimeBudget(_COUNT_SECONDS))
        return query, found.total if found.is_complete else None

    def _read_records(self, query: Query) -> Iterator[Question]:
        """Generate all questions that match, newest first, with one page in memory at a time.

        Whatever goes wrong breaks the transfer off, so that no part is taken for the whole.
        """
        after: SearchPosition | None = None
        while True:
            with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
                found, after = list_results(connection, query, _PAGE_SIZE, after)
            ids = [one.question_id for one in found]
            for start in range(0, len(ids), _BATCH_SIZE):
                with self._context.ledger.reading() as connection:
                    records = questions.list_records(connection, ids[start : start + _BATCH_SIZE])
                yield from records
            if after is None:
                return


def _build_file_name(typed: str) -> str:
    """Return a file name, without extension, that shows the query: ``tottenham-high-road``."""
    words = re.sub(r"[\W_]+", "-", typed[:_MAX_NAME_LENGTH]).strip("-").lower()
    return words or "questions"


def _describe_attachment(name: str) -> str:
    """Return a Content-Disposition header (RFC 6266 4.3, and appendix D for older programs)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name)}"
    return f'attachment; filename="{plain}"{encoded}'
