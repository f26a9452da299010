"""Middleware around the whole application: response headers, body size, origin of forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alerts.web.private_paths import is_private

#: Bytes of a request body. The largest form is an alert: a query of 500 characters and a note of
#: 200, each at most 12 bytes when URL-encoded, are 9 kB.
MAX_BODY_BYTES = 20_000

#: Our own files alone; no inline script or style. Archived pages have a policy of their own.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with that, browsers send "Origin: null" even from our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
#: As ASGI has them, because every response gets them.
_ENCODED_HEADERS = tuple((name.encode(), value.encode()) for name, value in _HEADERS.items())
#: One year in seconds (RFC 6797). Sent over TLS only.
_HSTS = "max-age=31536000"
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
#: Mail programs post here from anywhere for one-click unsubscribe (RFC 8058).
_UNSUBSCRIBE_PATH = "/u/"

_Send = Callable[[Message], Awaitable[None]]


class SecurityMiddleware:
    """Refuse forbidden requests and add security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 413, or pass the request on with a limited body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send_with_headers = _add_headers(send, scope)
        if refusal := _check_request(scope, Headers(scope=scope)):
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, _LimitedBody(receive).receive, send_with_headers)


_BODY_TOO_LARGE = "The form is too large."
_TOO_LARGE_RESPONSE = PlainTextResponse(f"{_BODY_TOO_LARGE}\n", 413, {"Connection": "close"})
_CROSS_SITE_RESPONSE = PlainTextResponse("The form was sent from another site.\n", 403)


def _check_request(scope: Scope, headers: Headers) -> PlainTextResponse | None:
    """Return the response to a request that may not pass; None for one that may."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return _TOO_LARGE_RESPONSE
    is_open = scope["method"] in _SAFE_METHODS or scope["path"].startswith(_UNSUBSCRIBE_PATH)
    return None if is_open or is_same_origin(headers) else _CROSS_SITE_RESPONSE


def is_same_origin(headers: Headers) -> bool:
    """Return whether a request comes from a page of ours, by Sec-Fetch-Site and Origin.

    A request with neither header is accepted: every browser sends one of them with a POST, and
    other programs hold no cookies that another site could misuse.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _add_headers(send: Send, scope: Scope) -> _Send:
    """Return a ``send`` that adds our headers where the response has none of that name."""
    defaults = _ENCODED_HEADERS
    if scope["scheme"] == "https":
        defaults = (*defaults, (b"strict-transport-security", _HSTS.encode()))
    if is_private(scope["path"]):
        defaults = (*defaults, (b"x-robots-tag", b"noindex"))

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = [*given, *(one for one in defaults if one[0] not in names)]
        await send(message)

    return send_with_headers


class _LimitedBody:
    """A request body of at most ``MAX_BODY_BYTES``, also where no Content-Length announces it."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._bytes_left = receive, MAX_BODY_BYTES

    async def receive(self) -> Any:
        """Return the next message; raise a 413 `HTTPException` once the body is too large."""
        message = await self._receive()
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left < 0:
            raise HTTPException(413, _BODY_TOO_LARGE, {"Connection": "close"})
        return message
