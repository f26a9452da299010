"""SMTP connections whose waits end: each reply has a deadline and a largest size.

The timeout of :mod:`smtplib` is for each piece that arrives, so a server that sends a byte a
second, or one line of a reply after another, holds its client for ever.
"""

from __future__ import annotations

import smtplib
import time
from typing import Any, TypeAlias

#: A reply has a line or two; that to EHLO has one for each extension.
_MAX_REPLY_LINES = 100
#: Octets of a line: 512 by RFC 5321, section 4.5.3.1.5, and more by servers that do not read it.
_MAX_LINE_LENGTH = 8192
_BUFFER_SIZE = 4096
#: Timeouts that the greeting, EHLO, STARTTLS and the login may take together.
_OPENING_TIMEOUTS = 3


class _BoundedReplies(smtplib.SMTP):
    """Reads replies with a deadline: the timeout of the connection, for the whole reply."""

    #: Seconds until a reply begins, where it may take longer than the timeout.
    patience: float | None = None
    _received = b""
    _source: object = None  #: the socket that `_received` came from
    _end: float | None = None  #: when the present step of the conversation must have ended

    def __init__(self, host: str, port: int, *, timeout: float, **more: Any) -> None:
        """Connect, and read the greeting.

        Args:
            host: The server.
            port: Its port.
            timeout: Seconds for a reply, and to open the connection.
            more: What :class:`smtplib.SMTP` or its kind with TLS takes besides.
        """
        self.begin_step(_OPENING_TIMEOUTS * timeout)
        super().__init__(host, port, timeout=timeout, **more)

    def begin_step(self, seconds: float | None) -> None:
        """Give the following replies together so many seconds; None for no limit together."""
        self._end = None if seconds is None else time.monotonic() + seconds

    def getreply(self) -> tuple[int, bytes]:
        """Return the code of the server's reply, -1 where it is not SMTP, and its text.

        Raises:
            smtplib.SMTPServerDisconnected: The connection was closed, by the server, or by us
                because the reply has not ended in time or has no end.
        """
        timeout = self._get_timeout()
        deadline = time.monotonic() + (self.patience or timeout)
        if self._end is not None:
            deadline = min(deadline, self._end)
        texts: list[bytes] = []
        for _ in range(_MAX_REPLY_LINES):
            line = self._read_line(deadline)
            deadline = min(deadline, time.monotonic() + timeout)
            texts.append(line[4:].strip(b" \t\r\n"))
            if not line[:3].isdigit():
                return -1, b"\n".join(texts)
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(texts)
        raise self._disconnect("its reply has no end")

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        """Send bytes or text within the timeout of the connection."""
        if self.sock is not None:
            self.sock.settimeout(self._get_timeout())
        super().send(s)

    @property
    def has_unread(self) -> bool:
        """Whether a part of a reply has arrived that nobody asked for."""
        return self._source is self.sock and bool(self._received)

    def _get_timeout(self) -> float:
        return float(self.timeout)

    def _read_line(self, deadline: float) -> bytes:
        if self._source is not self.sock:  # what came before TLS began must not be believed
            self._source, self._received = self.sock, b""
        begun = bool(self._received)
        while b"\n" not in self._received:
            if len(self._received) > _MAX_LINE_LENGTH:
                raise self._disconnect("a line of its reply has no end")
            self._received += self._receive(deadline)
            if not begun:  # a reply that has begun must go on
                begun, deadline = True, min(deadline, time.monotonic() + self._get_timeout())
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _receive(self, deadline: float) -> bytes:
        """Return what arrives before the deadline."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise self._disconnect("its reply timed out")
        try:
            self.sock.settimeout(remaining)
            received = self.sock.recv(_BUFFER_SIZE)
        except TimeoutError:
            raise self._disconnect("its reply timed out") from None
        except OSError as error:
            raise self._disconnect(f"the connection was lost: {error}") from error
        if not received:
            raise self._disconnect("it closed the connection")
        return received

    def _disconnect(self, reason: str) -> smtplib.SMTPServerDisconnected:
        self.close()
        return smtplib.SMTPServerDisconnected(reason)


class BoundedSmtp(_BoundedReplies):
    """A connection without TLS, or with STARTTLS."""


class BoundedSmtpTls(_BoundedReplies, smtplib.SMTP_SSL):
    """A connection with TLS from its beginning."""


#: A connection of either kind.
BoundedConnection: TypeAlias = BoundedSmtp | BoundedSmtpTls
