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
LARGEST = 20_000

#: Only what we serve ourselves, and no script or style in a page. Archived pages bring their own.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" from our own forms too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
#: A year (RFC 6797), once a browser has come to us by TLS.
_HSTS = "max-age=31536000"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
#: What is one person's, or not ours to be found by: no search engine is to keep it.
_PRIVATE = ("/u/", "/c/", "/d/", "/m/", "/my-page", "/operator", "/capture/")
#: What mail programs post to for their readers (RFC 8058): from anywhere, without a page of ours.
_OPEN_TO_ALL = "/u/"

_Sender = Callable[[Message], Awaitable[None]]


class Guard:
    """The middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass; put the headers on everything else."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sender = _with_headers(send, scope)
        headers = Headers(scope=scope)
        if refused := _refused(scope, headers):
            await refused(scope, receive, sender)
            return
        await self._app(scope, _Counting(receive).receive, sender)


_TOO_MUCH = "That is too much for this form."
_TOO_LARGE = PlainTextResponse(f"{_TOO_MUCH}\n", 413, {"Connection": "close"})
_FOREIGN = PlainTextResponse("This form was sent from another site.\n", 403)


def _refused(scope: Scope, headers: Headers) -> PlainTextResponse | None:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST:
        return _TOO_LARGE
    is_open = scope["method"] in _SAFE or scope["path"].startswith(_OPEN_TO_ALL)
    return None if is_open or is_from_here(headers) else _FOREIGN


def is_from_here(headers: Headers) -> bool:
    """Whether a form was sent from our own page, as browsers tell (Fetch Metadata, Origin).

    A program that sends neither is no browser that could be misused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _with_headers(send: Send, scope: Scope) -> _Sender:
    """``send``, with our headers on the answer where it does not bring its own."""
    ours = dict(_HEADERS)
    if scope["scheme"] == "https":
        ours["strict-transport-security"] = _HSTS
    if scope["path"].startswith(_PRIVATE):
        ours["x-robots-tag"] = "noindex"

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ours.items():
                headers.setdefault(name, value)
        await send(message)

    return sender


class _Counting:
    """The body of a request, as long as it is not too long."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, LARGEST

    async def receive(self) -> Any:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, _TOO_MUCH, {"Connection": "close"})
        return message
