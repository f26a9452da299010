"""How long the server waits for a request, and how many may wait at once.

Without this a request may take for ever to arrive (slowloris), and ten thousand open connections
take every file descriptor of the process: crawls and emails then fail for want of one.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: A request is to be here, whole, so many seconds after its connection or its first byte.
REQUEST_TIMEOUT = 20.0
#: Connections that are open at once; the next is closed without a word.
MAX_CONNECTIONS = 400


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless too many are open."""
        if len(self.connections) >= MAX_CONNECTIONS:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._start_timer()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        super().on_message_begin()
        self._start_timer()

    def on_message_complete(self) -> None:
        """All of a request, with its body."""
        self._cancel_timer()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._cancel_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._cancel_timer()
        self._timer = self.loop.call_later(REQUEST_TIMEOUT, self._abort)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort(self) -> None:
        cast("Any", self.transport).abort()
