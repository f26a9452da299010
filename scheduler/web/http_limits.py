"""How long the server waits for a request, and how many may wait at once.

Without this a request may take for ever to arrive (slowloris), and ten thousand open connections
take every file descriptor of the process: crawls and emails then fail for want of one.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: A request is to be here, whole, so many seconds after its connection or its first byte.
REQUEST_SECONDS = 20.0
#: Connections that are open at once; the next is closed without a word.
MOST_CONNECTIONS = 400


class Patient(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless too many are open."""
        if len(self.connections) >= MOST_CONNECTIONS:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        super().on_message_begin()
        self._wait()

    def on_message_complete(self) -> None:
        """All of a request, with its body."""
        self._stop_waiting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        cast("Any", self.transport).abort()
