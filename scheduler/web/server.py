"""uvicorn in a thread: serves the daemon's pages, the demo and the replica of the source."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from threading import Event, Thread
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from alerts.errors import ExitStatus, WatchwordError
from scheduler.web.http_limits import (
    DEFAULT_LIMITS,
    SEND_BUFFER_BYTES,
    HttpLimits,
    LimitedProtocol,
    RequestArrival,
)
from scheduler.web.open_connections import OpenConnections

#: Seconds that open responses may take when the server stops; then they are cancelled.
_SHUTDOWN_SECONDS = 2
#: Seconds after which a kept-alive connection without a next request is closed (uvicorn's default).
_KEEP_ALIVE_SECONDS = 5
#: Seconds between two ticks of the server: its headers have the time to the second.
_TICK_SECONDS = 1
#: Seconds between two looks at whether the server has started: much shorter than its start (0.1 s).
_START_POLL_SECONDS = 0.005


class CannotListen(WatchwordError):
    """The web server cannot listen on its address: it is taken, or is not ours."""

    exit_status = ExitStatus.UNAVAILABLE


@contextmanager
def serve(
    app: ASGIApp,
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    setting: str = "port",
    trusted_proxies: Sequence[str] = (),
    limits: HttpLimits = DEFAULT_LIMITS,
) -> Iterator[str]:
    """Serve ``app`` while the context is open. Errors are logged, requests are not.

    Args:
        app: the application.
        port: TCP port; 0 lets the system choose a free one.
        host: address to listen on.
        setting: what the operator names the port with, for the message: ``web.port``.
        trusted_proxies: addresses of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto``
            are believed. Those of anybody else are ignored.
        limits: limits on connections and requests.

    Yields:
        The base address, ``http://127.0.0.1:8000``. When the context closes, the server has
        stopped and the port is free.

    Raises:
        CannotListen: the port is taken, or the address is not ours.
        RuntimeError: the application did not start.
    """
    with closing(_listen(host, port, setting)) as listener:
        counter = OpenConnections(limits, trusted_proxies)
        server = _Server(_build_config(app, trusted_proxies, limits, counter), counter)
        thread = Thread(target=server.run, args=([listener],), name="server", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn's server, which stops at once and closes what clients have not read."""

    def __init__(self, config: uvicorn.Config, connections: OpenConnections) -> None:
        super().__init__(config)
        self._connections = connections
        self._is_stopping = Event()
        self._wake: Callable[[], object] | None = None  #: ends the wait of the loop

    def stop(self) -> None:
        """Let the server stop; from any thread, also before it has started."""
        self.should_exit = True
        self._is_stopping.set()
        if self._wake is not None:
            with suppress(RuntimeError):  # its loop has ended by itself
                self._wake()

    async def main_loop(self) -> None:
        """Tick once a second, until the server is to stop. uvicorn looks ten times a second."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, woken.set)
        while not self._is_stopping.is_set() and not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, and then close the connections that are left.

        Where nobody is connected, nothing is waited for.
        """
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        else:
            for server in self.servers:
                server.close()
            await self.lifespan.shutdown()
        self._connections.abort_all()
        await asyncio.sleep(0)  # let the loop close them before it ends


def _build_config(
    app: ASGIApp,
    trusted_proxies: Sequence[str],
    limits: HttpLimits,
    counter: OpenConnections,
) -> uvicorn.Config:
    # uvicorn only ever calls `http`, so a partial of the class does as well as a class.
    protocol = cast("type[Any]", partial(LimitedProtocol, limits, counter))
    return uvicorn.Config(
        RequestArrival(app),
        log_config=None,
        log_level="error",
        access_log=False,
        ws="none",
        http=protocol,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


def _listen(host: str, port: int, setting: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        # asyncio sets this only on sockets that name their protocol, which create_server's do not.
        # Without it each response waits 40 ms for the client's acknowledgement (Nagle's algorithm).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return listener
    except OSError as error:
        # Python appends the address to the reason of most errors, but not to a resolver's.
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise CannotListen(
            f"{setting}: the web server cannot listen on {host}:{port} ({reason})"
        ) from error


def _wait_until_started(server: uvicorn.Server, thread: Thread) -> None:
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the application did not start; see the log for the reason")
        time.sleep(_START_POLL_SECONDS)
