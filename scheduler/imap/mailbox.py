"""Reading a mailbox over IMAP (RFC 3501), whatever its server sends."""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from alerts.errors import ExitStatus, WatchwordError
from scheduler.imap.location import ImapLocation

#: Seconds to wait for the server, for each piece of a reply.
_TIMEOUT = 60.0
#: Bytes of an email that are read. Reports are far smaller, and the rest of one is what it quotes.
MAX_EMAIL_SIZE = 1_048_576
#: Bytes of the reply to one command: the longest email, and what a server may tell besides.
_MAX_REPLY_SIZE = 2 * MAX_EMAIL_SIZE
#: Characters of a server's words in a message to the operator.
_MAX_TEXT = 200


class MailboxError(WatchwordError):
    """A mailbox cannot be read; the message names it and the reason."""

    exit_status = ExitStatus.DATA


class EmailNotSent(WatchwordError):
    """A server has an email and does not send it; the message names it."""

    exit_status = ExitStatus.DATA


class ImapMailbox:
    """An open mailbox."""

    def __init__(self, server: imaplib.IMAP4, host: str) -> None:
        self._server, self._host = server, host

    def list_unread(self) -> list[str]:
        """Return the numbers of the unread emails, newest first.

        Emails that stay unread, because they are about none of our messages, then never stand
        before a new one, however many they are.
        """
        with _translate_errors(self._host):
            found = _get_data(self._server.uid("SEARCH", "UNSEEN"))
        return [uid.decode() for uid in reversed((found[0] or b"").split())]

    def fetch(self, uid: str) -> bytes | None:
        """Return the beginning of an email, which stays unread; None if there is nothing to send.

        Raises:
            EmailNotSent: The server has the email, and says that it cannot send it.
            MailboxError: The server cannot be talked to any more.
        """
        with _translate_errors(self._host):
            # PEEK leaves the email unread until it is marked.
            part = f"(BODY.PEEK[]<0.{MAX_EMAIL_SIZE}>)"
            status, data = self._server.uid("FETCH", uid, part)
        if status != "OK":
            raise EmailNotSent(f"email {uid} at {self._host}: {_join_text(data)}")
        return next((one[1] for one in data if isinstance(one, tuple)), None)

    def mark(self, uid: str, *, flagged: bool = False) -> None:
        """Mark an email as read, and flag it if asked to."""
        with _translate_errors(self._host):
            flags = r"(\Seen \Flagged)" if flagged else r"(\Seen)"
            _get_data(self._server.uid("STORE", uid, "+FLAGS", flags))


@contextmanager
def open_imap_mailbox(
    location: ImapLocation, password: str, seconds: float
) -> Iterator[ImapMailbox]:
    """Open a mailbox; close it after the block, or ``seconds`` after it was opened.

    Raises:
        MailboxError: The server cannot be reached, does not prove who it is, or refuses the login.
    """
    with _translate_errors(location.host):
        server = _connect(location, seconds)
    try:
        with _translate_errors(location.host):
            server.login(location.user, password)
            _get_data(server.select(location.folder))
        yield ImapMailbox(server, location.host)
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()
        with suppress(OSError):  # it is closed already, unless the server did not answer
            server.shutdown()


@contextmanager
def _translate_errors(host: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"the mailbox at {host} cannot be read: {error}") from error


class _BoundedImap(imaplib.IMAP4):
    """A connection that ends after a time, and takes no endless reply."""

    def __init__(self, host: str, port: int, *, seconds: float, **more: Any) -> None:
        self._received = 0
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        try:
            super().__init__(host, port, **more)
        except BaseException:
            self._timer.cancel()
            raise

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._timer.start()

    def _end(self) -> None:
        with suppress(OSError):  # it may have been closed
            self.sock.shutdown(socket.SHUT_RDWR)

    def shutdown(self) -> None:
        self._timer.cancel()
        super().shutdown()

    def send(self, data: Any) -> None:
        self._received = 0
        super().send(data)

    def read(self, size: int) -> bytes:
        self._count(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._count(len(line))
        return line

    def _count(self, size: int) -> None:
        self._received += size
        if self._received > _MAX_REPLY_SIZE:
            raise self.abort(f"it sends more than {_MAX_REPLY_SIZE} bytes for one command")


class _BoundedImapTls(_BoundedImap, imaplib.IMAP4_SSL):
    """The same with TLS from its beginning."""


def _connect(location: ImapLocation, seconds: float) -> imaplib.IMAP4:
    timeout = min(_TIMEOUT, seconds)
    host, port = location.host, location.port
    if not location.has_tls:
        return _BoundedImap(host, port, timeout=timeout, seconds=seconds)
    context = ssl.create_default_context()
    return _BoundedImapTls(host, port, ssl_context=context, timeout=timeout, seconds=seconds)


def _get_data(response: tuple[str, Any]) -> Any:
    """Return the data of a response; raise ``IMAP4.error`` if its status is not OK."""
    status, data = response
    if status != "OK":
        raise imaplib.IMAP4.error(_join_text(data))
    return data


def _join_text(data: Any) -> str:
    """Return the words of a response, at most a line of them."""
    text = b" ".join(line for line in data if isinstance(line, bytes))
    return text.decode("ascii", "replace")[:_MAX_TEXT]
