"""JSON responses of the API: with an entity tag, or with an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.ledger import StatementTimeout
from alerts.queries import QueryError
from alerts.web.api.models import ErrorResponse
from alerts.web.api.parameters import ApiError
from alerts.web.http_cache import is_unchanged, strong_tag

SEARCH_TOO_LONG = "This search takes too long. Add a rarer word."
#: Cacheable for a minute and readable by scripts of any site (CORS).
_PUBLIC_HEADERS = {"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}

#: Returns the response to a request, or raises one of the errors of `build_error_response`.
RequestHandler: TypeAlias = Callable[[Request], msgspec.Struct]


def build_route(path: str, handler: RequestHandler) -> Route:
    """Return a GET route that runs ``handler`` in a thread and encodes what it returns."""

    async def answer(request: Request) -> Response:
        try:
            found = await run_in_threadpool(handler, request)
        except (ApiError, QueryError, StatementTimeout, HTTPException) as error:
            return build_error_response(error)
        return build_json_response(request, msgspec.json.encode(found))

    return Route(path, answer, methods=["GET"])


def build_json_response(request: Request, body: bytes) -> Response:
    """Return 200 with ``body``, or 304 where the client has it already."""
    tag = strong_tag(body)
    headers = {"ETag": tag, **_PUBLIC_HEADERS}
    if is_unchanged(request.headers, tag):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")


def build_error_response(
    error: ApiError | QueryError | StatementTimeout | HTTPException,
) -> Response:
    """Return an `ErrorResponse` with the status that belongs to ``error``."""
    headers: Mapping[str, str] | None = None
    match error:
        case HTTPException():
            status, message, headers = error.status_code, error.detail, error.headers
        case ApiError():
            status, message = error.status, error.error
        case QueryError():
            status, message = 400, str(error)
        case _:
            status, message = 503, SEARCH_TOO_LONG
    body = msgspec.json.encode(ErrorResponse(message))
    return Response(body, status, headers, media_type="application/json")


async def answer_not_found(_request: Request) -> Response:
    """Answer a path below ``/api/`` that does not exist."""
    return build_error_response(ApiError(404, "Not found. See /api/openapi.json for all paths."))
