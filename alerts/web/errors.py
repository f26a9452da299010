"""Responses for requests that fail: a page with the reason, plain text below ``/api/``."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext
from alerts.language import gettext_noop as _
from alerts.web.context import WebContext
from alerts.web.heavy_work import TooBusy
from crawler.event_log import get_logger

log = get_logger("watchword.web")

_TITLES = {
    HTTPStatus.NOT_FOUND: _("Page not found"),
    HTTPStatus.GONE: _("This link has expired"),
    HTTPStatus.TOO_MANY_REQUESTS: _("Too many requests"),
    HTTPStatus.SERVICE_UNAVAILABLE: _("The service is busy"),
}
#: The detail of the answer to a request for a question that is taken down.
TAKEN_DOWN = _("The operator of this service has taken this question down.")
#: The detail of the answer to a request for a topic that was public.
NOT_PUBLIC = _(
    "This topic is not public any more. You can search for its words, and follow a search."
)
_NOT_PUBLIC_TITLE = _("Not public any more")
_TAKEN_DOWN_TITLE = _("Taken down")
_OTHER_TITLE = _("Something went wrong")
#: Starlette's own details, said as a page says it.
_DETAILS = {"Not Found": _("If you typed the address, check that it is correct.")}


class LikelyPage(msgspec.Struct, frozen=True):
    """A page that was perhaps meant."""

    name: str  #: what it is about
    path: str


class PageNotFound(HTTPException, WatchwordError):
    """There is no such page; the answer names those that were perhaps meant."""

    exit_status = ExitStatus.USAGE

    def __init__(self, detail: str, suggestions: Sequence[LikelyPage] = ()) -> None:
        """Answer 404 with a sentence and some links."""
        super().__init__(404, detail)
        self.suggestions = tuple(suggestions)


def _find_title(error: HTTPException) -> str:
    if error.detail == TAKEN_DOWN:
        return _TAKEN_DOWN_TITLE
    if error.detail == NOT_PUBLIC:
        return _NOT_PUBLIC_TITLE
    return _TITLES.get(HTTPStatus(error.status_code), _OTHER_TITLE)


class ErrorHandlers:
    """Exception handlers of the application."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    async def handle_http_exception(self, request: Request, error: Exception) -> Response:
        """Answer with the exception's status, headers and detail."""
        assert isinstance(error, HTTPException)
        if isinstance(error, TooBusy) and request.url.path.startswith("/api/"):
            body = msgspec.json.encode({"error": error.detail})
            return Response(body, error.status_code, error.headers, "application/json")
        if request.url.path.startswith("/api/"):
            return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
        page = self._context.render_page(
            "error",
            error.status_code,
            title=gettext(_find_title(error)),
            message=gettext(_DETAILS.get(error.detail, error.detail)),
            has_search=error.status_code == HTTPStatus.NOT_FOUND,
            suggestions=error.suggestions if isinstance(error, PageNotFound) else (),
        )
        return HTMLResponse(bytes(page.body), error.status_code, error.headers)

    async def handle_unavailable(self, request: Request, error: Exception) -> Response:
        """Answer 503 where the ledger cannot be used now. The daemon raises the alarm."""
        log.warning("a page was answered with 503", reason=error)
        return await self.handle_http_exception(request, TooBusy())

    async def handle_disconnect(self, _request: Request, _error: Exception) -> Response:
        """Return a response that nobody reads: the client closed the connection while sending."""
        return Response(status_code=400)
