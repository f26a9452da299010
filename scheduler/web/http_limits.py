"""Limits on connections: how many are open at once, and how long a request may take to arrive.

uvicorn has no setting for either. ``limit_concurrency`` answers 503 to requests but leaves idle
connections open, and no timeout runs before a request's header is complete. Without these limits
a client can hold a connection for ever by sending a byte now and then (Slowloris), and ten thousand
idle connections use up the process's file descriptors, so that crawls and emails fail as well.

`LimitedProtocol` is passed to uvicorn as its ``http`` protocol. It holds the protocol that uvicorn
would use itself and forwards the calls of `asyncio.Protocol` to it. `RequestArrival` is the ASGI
middleware that tells it when a request has arrived; it finds it in the ``state`` of the scope.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_STATE_KEY = "limited_protocol"


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one server."""

    #: Seconds from a connection's opening, or from a request's first byte, to the request's last
    #: byte. A form of 20 kB needs 8 kbit/s to make it.
    request_timeout: float = 20.0
    #: Connections open at once; further ones are closed without an answer. Each uses one file
    #: descriptor of the 1024 that a process usually has, so crawls and emails keep 600.
    max_connections: int = 400


DEFAULT_LIMITS = HttpLimits()


class LimitedProtocol(asyncio.Protocol):
    """One connection: uvicorn's own HTTP protocol, with `HttpLimits` in front."""

    def __init__(
        self,
        limits: HttpLimits,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._limits = limits
        self._connections = server_state.connections
        self._loop = _loop or asyncio.get_event_loop()
        self._protocol = HttpToolsProtocol(
            config=config,
            server_state=server_state,
            app_state=app_state | {_STATE_KEY: self},
            _loop=_loop,
        )
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_busy = False  # a request has arrived and its response is not complete
        self._is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or close it where too many are open."""
        # asyncio's base class says BaseTransport; for TCP it is a Transport (uvloop's has no base).
        self._transport = cast("asyncio.Transport", transport)
        if len(self._connections) >= self._limits.max_connections:
            self._is_refused = True
            self._transport.abort()
            return
        self._start_timer()
        self._protocol.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        """Start the timer with a request's first bytes, and pass them on."""
        if self._timer is None and not self._is_busy:
            self._start_timer()
        self._protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer; uvicorn knows nothing of a refused connection."""
        self._stop_timer()
        if not self._is_refused:
            self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        """Pass it on."""
        self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()

    def mark_arrived(self) -> None:
        """Stop the timer: the application has the whole request."""
        self._is_busy = True
        self._stop_timer()

    def mark_answered(self) -> None:
        """Let the next bytes start the timer; until then uvicorn's keep-alive timeout runs."""
        self._is_busy = False
        self._stop_timer()

    def _start_timer(self) -> None:
        self._timer = self._loop.call_later(self._limits.request_timeout, self._abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class RequestArrival:
    """ASGI middleware around the whole application: reports each request to its connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and note the last byte of the request and of the response."""
        connection = scope.get("state", {}).get(_STATE_KEY) if scope["type"] == "http" else None
        if not isinstance(connection, LimitedProtocol):
            await self._app(scope, receive, send)
            return
        if _has_body(scope):
            receive = _mark_end_of_body(receive, connection)
        else:
            connection.mark_arrived()

        async def send_and_mark(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                connection.mark_answered()

        await self._app(scope, receive, send_and_mark)


def _mark_end_of_body(receive: Receive, connection: LimitedProtocol) -> Receive:
    async def receive_and_mark() -> Message:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            connection.mark_arrived()
        return message

    return receive_and_mark


def _has_body(scope: Scope) -> bool:
    """Return whether a request announces a body (RFC 9112 6.3)."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False
