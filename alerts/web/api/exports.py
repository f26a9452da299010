"""Exports: everything that matches a query, as CSV or JSON Lines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from urllib.parse import quote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from alerts.export import encode_csv, encode_csv_header, encode_json_lines
from alerts.ledger import StatementTimeout, questions
from alerts.limits import Limit
from alerts.queries import QueryError, parse_query
from alerts.search import SearchPosition, TimeBudget, list_results, search_questions
from alerts.web.api.parameters import ApiError, read_text
from alerts.web.api.responses import build_error_response
from alerts.web.heavy_work import ClientGone, HeavyWork, WorkRequest, describe_work
from alerts.web.rate_limits import RateLimits
from alerts.web.work import WorkContext
from crawler.records import Question

#: Seconds that an export's search may spend on counting before the first row is sent.
_COUNT_SECONDS = 0.5
#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 10.0
#: Questions that are looked up at once: 1,000 ids are 100 kB, and each look-up takes up to 50 ms.
_PAGE_SIZE = 1000
#: Questions that are encoded at once: 100 of 3 kB are 300 kB, which a connection may hold. It takes
#: about 20 ms, so that exports take turns.
_BATCH_SIZE = 100
#: Characters of the query in a file's name.
_MAX_NAME_LENGTH = 60
_CACHE_CONTROL = "public, max-age=60"

#: Bytes that are sent, and compressed, at once: zlib takes 1 ms for them, in which no page is sent.
_PIECE_BYTES = 32_768


class _ExportFormat(msgspec.Struct, frozen=True):
    extension: str
    media_type: str
    header: bytes  #: before the first row
    encode: Callable[[Iterable[Question]], Iterator[bytes]]


_CSV = "text/csv; charset=utf-8; header=present"
_FORMATS = {
    "csv": _ExportFormat("csv", _CSV, encode_csv_header(), encode_csv),
    "jsonl": _ExportFormat("jsonl", "application/jsonl", b"", encode_json_lines),
}


class ExportPage(msgspec.Struct, frozen=True):
    """Some of the questions of an export, and where the next page begins."""

    ids: tuple[str, ...]
    next: SearchPosition | None
    total: int | None = None  #: of the whole export, on its first page; None where not counted


class Exports:
    """The export routes.

    An export is made in parts, each of them heavy work of its own. So a client that reads slowly
    holds neither a connection to the ledger nor a place among the exports that run.
    """

    def __init__(self, limits: RateLimits, work: HeavyWork) -> None:
        self._limits, self._work = limits, work

    def build_routes(self) -> list[Route]:
        """Return one route for each format."""
        return [self._build_route(export_format) for export_format in _FORMATS.values()]

    def _build_route(self, export_format: _ExportFormat) -> Route:
        async def answer(request: Request) -> Response:
            return await self._export(request, export_format)

        return Route(f"/api/v1/export.{export_format.extension}", answer, methods=["GET"])

    async def _export(self, request: Request, export_format: _ExportFormat) -> Response:
        try:
            typed = read_text(request, "q")
            await self._limits.count(Limit.EXPORTS, request)
            first = await self._work.run(describe_work(request, "export"), begin_export, typed)
        except (ApiError, QueryError, StatementTimeout, HTTPException) as error:
            return build_error_response(error)
        name = f"{_build_file_name(typed)}.{export_format.extension}"
        headers = {
            "Content-Disposition": _describe_attachment(name),
            **({} if first.total is None else {"X-Total-Count": str(first.total)}),
            "Cache-Control": _CACHE_CONTROL,
        }
        begun = describe_work(request, "export", is_begun=True)
        rows = self._stop_without_client(self._generate_rows(begun, typed, export_format, first))
        return StreamingResponse(rows, 200, headers, media_type=export_format.media_type)

    @staticmethod
    async def _stop_without_client(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Generate the parts of a file as long as the client is there to read them."""
        try:
            async for part in parts:
                yield part
        except ClientGone:
            return

    async def _generate_rows(
        self, begun: WorkRequest, typed: str, export_format: _ExportFormat, first: ExportPage
    ) -> AsyncIterator[bytes]:
        """Generate the file of all questions that match, newest first.

        Whatever goes wrong breaks the transfer off, so that no part is taken for the whole.
        """
        if export_format.header:
            yield export_format.header
        page = first
        while True:
            for start in range(0, len(page.ids), _BATCH_SIZE):
                ids = page.ids[start : start + _BATCH_SIZE]
                rows = await self._work.run(begun, encode_rows, export_format.extension, ids)
                for place in range(0, len(rows), _PIECE_BYTES):
                    await asyncio.sleep(0)  # let pages go first
                    yield rows[place : place + _PIECE_BYTES]
            if page.next is None:
                return
            page = await self._work.run(begun, find_export_page, typed, page.next)


def begin_export(context: WorkContext, typed: str) -> ExportPage:
    """Return the first page of an export, and how many questions match, unless that takes long.

    Raises:
        QueryError: the query cannot be read.
        StatementTimeout: the database took too long.
    """
    query = parse_query(typed)
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        found = search_questions(connection, query, 0, TimeBudget(_COUNT_SECONDS))
    page = find_export_page(context, typed, None)
    return msgspec.structs.replace(page, total=found.total if found.is_complete else None)


def find_export_page(context: WorkContext, typed: str, after: SearchPosition | None) -> ExportPage:
    """Return which questions come after a position in an export; None for its beginning."""
    query = parse_query(typed)
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        found, following = list_results(connection, query, _PAGE_SIZE, after)
    return ExportPage(tuple(one.question_id for one in found), following)


def encode_rows(context: WorkContext, extension: str, ids: Sequence[str]) -> bytes:
    """Return questions as rows of an export, without those that cannot be read."""
    with context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
        records = questions.list_records(connection, list(ids))
    return b"".join(_FORMATS[extension].encode(records))


def _build_file_name(typed: str) -> str:
    """Return a file name, without extension, that shows the query: ``tottenham-high-road``."""
    words = re.sub(r"[\W_]+", "-", typed[:_MAX_NAME_LENGTH]).strip("-").lower()
    return words or "questions"


def _describe_attachment(name: str) -> str:
    """Return a Content-Disposition header (RFC 6266 4.3, and appendix D for older programs)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name)}"
    return f'attachment; filename="{plain}"{encoded}'
