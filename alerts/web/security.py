"""What holds for every answer and every request: headers, sizes, and where forms come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What a form may hold, in bytes; a query is refused long before.
MAX_BODY_BYTES = 20_000

#: Only what we serve ourselves, and no script or style in a page. Archived pages bring their own.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" from our own forms too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
#: A year (RFC 6797), once a browser has come to us by TLS.
_HSTS = "max-age=31536000"
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
#: What is one person's, or not ours to be found by: no search engine is to keep it.
_PRIVATE_PATHS = ("/u/", "/c/", "/d/", "/m/", "/my-page", "/operator", "/capture/")
#: What mail programs post to for their readers (RFC 8058): from anywhere, without a page of ours.
_UNSUBSCRIBE_PATH = "/u/"

_Send = Callable[[Message], Awaitable[None]]


class SecurityMiddleware:
    """The middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass; put the headers on everything else."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _add_headers(send, scope)
        headers = Headers(scope=scope)
        if refused := _check_request(scope, headers):
            await refused(scope, receive, sender)
            return
        await self._app(scope, _LimitedBody(receive).receive, sender)


_BODY_TOO_LARGE = "That is too much for this form."
_TOO_LARGE_RESPONSE = PlainTextResponse(f"{_BODY_TOO_LARGE}\n", 413, {"Connection": "close"})
_CROSS_SITE_RESPONSE = PlainTextResponse("This form was sent from another site.\n", 403)


def _check_request(scope: Scope, headers: Headers) -> PlainTextResponse | None:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return _TOO_LARGE_RESPONSE
    is_open = scope["method"] in _SAFE_METHODS or scope["path"].startswith(_UNSUBSCRIBE_PATH)
    return None if is_open or is_same_origin(headers) else _CROSS_SITE_RESPONSE


def is_same_origin(headers: Headers) -> bool:
    """Whether a form was sent from our own page, as browsers tell (Fetch Metadata, Origin).

    A program that sends neither is no browser that could be misused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _add_headers(send: Send, scope: Scope) -> _Send:
    """``send``, with our headers on the answer where it does not bring its own."""
    ours = dict(_HEADERS)
    if scope["scheme"] == "https":
        ours["strict-transport-security"] = _HSTS
    if scope["path"].startswith(_PRIVATE_PATHS):
        ours["x-robots-tag"] = "noindex"

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ours.items():
                headers.setdefault(name, value)
        await send(message)

    return sender


class _LimitedBody:
    """The body of a request, as long as it is not too long."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._bytes_left = receive, MAX_BODY_BYTES

    async def receive(self) -> Any:
        message = await self._receive()
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left < 0:
            raise HTTPException(413, _BODY_TOO_LARGE, {"Connection": "close"})
        return message
