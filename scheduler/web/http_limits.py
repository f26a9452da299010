"""Limits on connections: how many are open, and how long a request and its response may take.

uvicorn has no setting for these. ``limit_concurrency`` answers 503 to requests but leaves idle
connections open, no timeout runs before a request's header is complete, and none while a client
does not read. Without these limits a client can hold a connection for ever by sending a byte now
and then (Slowloris), or by not reading what it asked for, and ten thousand idle connections use up
the process's file descriptors, so that crawls and emails fail as well.

`LimitedProtocol` is passed to uvicorn as its ``http`` protocol. It holds the protocol that uvicorn
would use itself and forwards the calls of `asyncio.Protocol` to it. `RequestArrival` is the ASGI
middleware that tells it when a request has arrived; it finds it in the ``state`` of the scope.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any, Protocol, cast

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

_STATE_KEY = "limited_protocol"


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one server."""

    #: Seconds from a connection's opening, or from a request's first byte, to the request's last
    #: byte. A form of 20 kB needs 8 kbit/s to make it.
    request_timeout: float = 20.0
    #: Seconds in which a client must read something of a response that waits for it. With what the
    #: kernel keeps (`SEND_BUFFER_BYTES`), that is about 4 kB a second.
    write_timeout: float = 15.0
    #: Connections open at once. Each uses one file descriptor of the 1024 that a process usually
    #: has, so crawls and emails keep 600.
    max_connections: int = 400
    #: Connections open at once to one address (IPv6: one /64): half of all, so that nobody has the
    #: whole server. A browser opens six, so an office behind one address has room for thirty.
    max_for_network: int = 200


DEFAULT_LIMITS = HttpLimits()
#: What the kernel may keep of a response for each connection (SO_SNDBUF; Linux doubles it). By
#: itself it takes 4 MB, so that 400 connections that are not read would hold 1.6 GB, and it could
#: not be seen for minutes that a slow client reads nothing. 128 kB carry 1 MB a second at 100 ms.
SEND_BUFFER_BYTES = 65_536
#: SO_LINGER: on, for no time. The connection is reset when it is closed.
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class ConnectionCounter(Protocol):
    """Decides which connections are accepted: `scheduler.web.open_connections`."""

    def admit(self, connection: LimitedProtocol, host: str) -> bool:
        """Return whether a new connection is accepted."""

    def discard(self, connection: LimitedProtocol, host: str) -> None:
        """Forget a connection that is closed."""


class LimitedProtocol(asyncio.Protocol):
    """One connection: uvicorn's own HTTP protocol, with `HttpLimits` in front."""

    def __init__(
        self,
        limits: HttpLimits,
        counter: ConnectionCounter,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._limits, self._counter = limits, counter
        self._loop = _loop or asyncio.get_event_loop()
        self._protocol = HttpToolsProtocol(
            config=config,
            server_state=server_state,
            app_state=app_state | {_STATE_KEY: self},
            _loop=_loop,
        )
        self._transport: asyncio.Transport | None = None
        self._host = ""
        self._timer: asyncio.TimerHandle | None = None  # of a request's arrival
        self._write_timer: asyncio.TimerHandle | None = None
        self._is_busy = False  # a request has arrived and its response is not complete
        self._running: RequestResponseCycle | None = None
        self._is_refused = False
        self._is_paused = False  # more waits in the transport than it should hold
        #: Monotonic time since when only the client can do the next step; None while we can.
        self.waiting_since: float | None = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or close it where too many are open."""
        # asyncio's base class says BaseTransport; for TCP it is a Transport (uvloop's has no base).
        self._transport = cast("asyncio.Transport", transport)
        peer = self._transport.get_extra_info("peername")
        self._host = peer[0] if isinstance(peer, tuple) else ""
        if not self._counter.admit(self, self._host):
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
        """Stop the timers; uvicorn knows nothing of a refused connection."""
        self._stop_timer()
        self._stop_write_timer()
        self._counter.discard(self, self._host)
        self._transport = None
        self._tell_running()
        if not self._is_refused:
            self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        """Pass it on."""
        self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Wait until the client has read, for `HttpLimits.write_timeout` at most."""
        self._is_paused = True
        self.waiting_since = time.monotonic()
        self._watch_writing()
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._is_paused = False
        self._stop_write_timer()
        self.waiting_since = None if self._is_busy else time.monotonic()
        self._protocol.resume_writing()

    def mark_running(self, cycle: RequestResponseCycle) -> None:
        """Note which request is being answered."""
        self._running = cycle

    def _tell_running(self) -> None:
        """Tell the request that is being answered that its client is gone.

        uvicorn tells the last one that it has read, which is another one where requests are
        pipelined: the first would write to a closed connection.
        """
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()

    def mark_arrived(self) -> None:
        """Stop the timer: the application has the whole request."""
        self._is_busy = True
        self._stop_timer()
        if not self._is_paused:  # a pipelined request, whose response adds to what is not read
            self.waiting_since = None
            self._stop_write_timer()

    def mark_answered(self) -> None:
        """Let the next bytes start the timer; until then uvicorn's keep-alive timeout runs.

        That timeout closes no connection whose client has not read all, so the write timer does.
        """
        self._is_busy = False
        self.waiting_since = time.monotonic()
        self._stop_timer()
        if self._write_timer is None:
            self._watch_writing()

    def abort(self) -> None:
        """Close the connection at once, and let the kernel forget what the client has not read."""
        if self._transport is None:
            return
        self._tell_running()
        if found := self._transport.get_extra_info("socket"):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self._transport.abort()

    def _watch_writing(self) -> None:
        """Close the connection if its client reads nothing within the write timeout.

        uvicorn writes nothing while writing is paused or a response is complete, so what waits in
        the transport only becomes less.
        """
        self._stop_write_timer()
        transport = self._transport
        if transport is None or not (left := transport.get_write_buffer_size()):
            return

        def check() -> None:
            if transport.get_write_buffer_size() >= left:
                self.abort()
            else:
                self._watch_writing()

        self._write_timer = self._loop.call_later(self._limits.write_timeout, check)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _start_timer(self) -> None:
        self._timer = self._loop.call_later(self._limits.request_timeout, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


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
        cycle = getattr(receive, "__self__", None)
        if isinstance(cycle, RequestResponseCycle):
            connection.mark_running(cycle)
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
