"""An ASGI application served from a thread: the daemon's own pages, the demo's, the replica."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from scheduler.web.http_limits import LimitedHttpProtocol

_SHUTDOWN_SECONDS = 2  # for a stream that somebody still holds open when the server stops


@contextmanager
def serve(
    app: ASGIApp, port: int = 0, host: str = "127.0.0.1", trusted_proxies: Sequence[str] = ()
) -> Iterator[str]:
    """Serve ``app`` and give its base address, ``http://127.0.0.1:PORT``.

    ``trusted_proxies`` are the addresses whose word is taken for where a request is from, and
    whether it
    came by TLS (``X-Forwarded-For``, ``X-Forwarded-Proto``); nobody's otherwise.

    Port 0 lets the system choose a free one. On the way out the server has stopped and the port
    is free again. Raises ``OSError`` when the port is taken, and ``RuntimeError`` when the
    application does not start. Errors are logged, requests are not.
    """
    with closing(_listen(host, port)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",
                access_log=False,
                ws="none",
                http=LimitedHttpProtocol,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )
        thread = Thread(target=server.run, args=([listener],), name="server", daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port))
        # asyncio does this for sockets whose protocol it can see, and create_server names none:
        # without it every answer waits 40 ms for the other side's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        # With the place in it, so that it makes a line for an operator.
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from error


def _wait_until_started(server: uvicorn.Server, thread: Thread) -> None:
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the application did not start; its log says why")
        time.sleep(0.005)
