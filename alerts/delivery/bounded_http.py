"""HTTP requests whose waits end: each answer has a deadline and a largest size.

The timeout of ``requests`` is for each piece that arrives, so a server that sends a byte a second
holds its client for ever.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as Urllib3Error

#: Bytes of an answer that are read. Only its status matters to us.
_MAX_ANSWER_SIZE = 65_536


class BoundedSession(requests.Session):
    """A session whose timeout is for the whole answer; of its body, nothing is kept.

    It follows no redirect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verify = find_authorities()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _WatchedAdapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None. Where there is a target, ``requests`` reads the whole body before it."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request, and return its answer without the body.

        Raises:
            requests.RequestException: There was no answer in time.
        """
        with _watch_sockets(float(kwargs["timeout"])) as watch:
            try:
                response = super().send(request, **kwargs | {"stream": True})
                # Read to its end, so that the connection can be used again. The status is the
                # answer, whatever is wrong with what follows.
                with response, suppress(Urllib3Error):
                    response.raw.read(_MAX_ANSWER_SIZE, decode_content=False)
            except Exception as error:  # whatever a socket that is closed under it may raise
                if watch.has_ended:
                    raise requests.Timeout("the answer timed out") from error
                raise
        if watch.has_ended:
            raise requests.Timeout("the answer timed out")
        return response


def find_authorities() -> str | bool:
    """Return where this machine keeps the authorities that it trusts: a file or a folder.

    An operator adds an authority of their own there, and everything else that speaks TLS here asks
    it. True, for those that come with ``requests``, where the machine has none.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    # Named by their hashes (OpenSSL's SSL_CTX_load_verify_locations); a folder may be empty.
    if paths.capath and any(Path(paths.capath).glob("*.0")):
        return paths.capath
    return True


class _Watch:
    """Ends the connection that a thread waits for, once its time is over."""

    def __init__(self) -> None:
        self.has_ended = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def add(self, opened: socket.socket | None) -> None:
        """Watch over a connection; end it at once where the time is over already."""
        with self._lock:
            self._socket = opened
        if self.has_ended:
            self.end()

    def end(self) -> None:
        with self._lock:
            self.has_ended = True
            if self._socket is not None:
                with suppress(OSError):  # it may have been closed
                    self._socket.shutdown(socket.SHUT_RDWR)


class _Current(threading.local):
    watch: _Watch | None = None


_CURRENT = _Current()


@contextmanager
def _watch_sockets(seconds: float) -> Iterator[_Watch]:
    """End the connections that this thread waits for in the block after ``seconds``."""
    watch = _Watch()
    timer = threading.Timer(seconds, watch.end)
    timer.daemon = True
    timer.start()
    _CURRENT.watch = watch
    try:
        yield watch
    finally:
        _CURRENT.watch = None
        timer.cancel()


class _WatchedHttp(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        if _CURRENT.watch is not None:
            _CURRENT.watch.add(self.sock)
        return super().getresponse()


class _WatchedHttps(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        if _CURRENT.watch is not None:
            _CURRENT.watch.add(self.sock)
        return super().getresponse()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHttps


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
