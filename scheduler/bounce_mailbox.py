"""Where returned emails are read from: standard input, a file, a Maildir or a mailbox over IMAP."""

from __future__ import annotations

import imaplib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from alerts.errors import ExitStatus, WatchwordError

#: Bytes of an email that are read. Reports are far smaller, and the rest of one is what it quotes.
_MAX_EMAIL_SIZE = 1_048_576
#: Seconds to wait for the IMAP server, for each piece of a reply.
_IMAP_TIMEOUT = 60.0
#: Seconds for the whole conversation; what is left is read by the next run.
_IMAP_SECONDS = 600.0


class MarkAsRead(Protocol):
    """Marks an email as read. To be called once what it reports is committed to the ledger."""

    def __call__(self, *, flagged: bool = False) -> None:
        """Mark it.

        Args:
            flagged: Whether to flag it as well, for the operator to look at.
        """


class MailboxError(WatchwordError):
    """A mailbox cannot be read; the message names it and the reason."""

    exit_status = ExitStatus.DATA


def read_unread_emails(
    location: str, password: str | None = None, seconds: float = _IMAP_SECONDS
) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the unread emails at a location, each with a function that marks it as read.

    Args:
        location: ``-`` for one email on standard input, the folder of a Maildir, the path of a
            file that holds one email, or ``imaps://user@host:993/folder``.
        password: For IMAP, if the URL holds none.
        seconds: For IMAP, how long the whole conversation may take.

    Raises:
        MailboxError: The location cannot be read.
    """
    if location == "-":
        yield _read_stream(sys.stdin.buffer), _do_nothing
    elif location.startswith(("imap://", "imaps://")):
        yield from _read_imap(urlsplit(location), password or "", seconds)
    elif Path(location).is_dir():
        yield from _read_maildir(Path(location))
    else:
        yield _read_file(Path(location)), _do_nothing


def _do_nothing(*, flagged: bool = False) -> None:
    """Mark nothing: a file and standard input have no such mark."""


def _read_stream(stream: BinaryIO) -> bytes:
    """Return the beginning of an email, and read the rest away: its sender waits for that."""
    email = stream.read(_MAX_EMAIL_SIZE)
    while stream.read(_MAX_EMAIL_SIZE):
        pass
    return email


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_EMAIL_SIZE)
    except OSError as error:
        raise MailboxError(f"{path} cannot be read: {error.strerror}") from error


def _read_maildir(folder: Path) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the emails of a Maildir (https://cr.yp.to/proto/maildir.html) without the flag S.

    The standard library's ``mailbox`` parses each email, so one that it cannot parse would stop it.
    """
    if not (folder / "new").is_dir():
        raise MailboxError(f"{folder} is no Maildir: it has no folder new")
    paths = [path for name in ("new", "cur") for path in (folder / name).glob("*")]
    failure: MailboxError | None = None
    for path in sorted(paths, key=lambda path: path.name):
        flags = path.name.partition(":2,")[2]
        if "S" in flags or path.name.startswith("."):
            continue
        try:
            email = _read_file(path)
        except MailboxError as error:  # it stops none of the others
            failure = error
            continue
        yield email, partial(_mark_in_maildir, folder, path, flags)
    if failure is not None:
        raise failure


def _mark_in_maildir(folder: Path, path: Path, flags: str, *, flagged: bool = False) -> None:
    added = "".join(sorted({*flags, "S", *("F" if flagged else "")}))
    name = path.name.partition(":2,")[0]
    try:
        path.rename(folder / "cur" / f"{name}:2,{added}")
    except OSError as error:
        raise MailboxError(f"{path} cannot be marked as read: {error.strerror}") from error


class _BoundedImap(imaplib.IMAP4):
    """A connection that ends after a time, and takes no huge literals."""

    def __init__(self, host: str, port: int, *, seconds: float, **more: Any) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        super().__init__(host, port, **more)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self._timer.start()

    def _end(self) -> None:
        with suppress(OSError):  # it may have been closed
            self.sock.shutdown(socket.SHUT_RDWR)

    def shutdown(self) -> None:
        self._timer.cancel()
        super().shutdown()

    def read(self, size: int) -> bytes:
        if size > 2 * _MAX_EMAIL_SIZE:
            raise self.error(f"it sends {size} bytes that nobody asked for")
        return super().read(size)


class _BoundedImapTls(_BoundedImap, imaplib.IMAP4_SSL):
    """The same with TLS from its beginning."""


def _read_imap(
    url: SplitResult, password: str, seconds: float
) -> Iterator[tuple[bytes, MarkAsRead]]:
    host = url.hostname or "localhost"
    try:
        with _connect_to_imap(url, host, seconds) as server:
            server.login(unquote(url.username or ""), unquote(url.password or "") or password)
            _get_data(server.select(unquote(url.path.strip("/")) or "INBOX"))
            for uid in _get_data(server.uid("SEARCH", "UNSEEN"))[0].split():
                # PEEK leaves the email unread until we mark it.
                part = f"(BODY.PEEK[]<0.{_MAX_EMAIL_SIZE}>)"
                fetched = _get_data(server.uid("FETCH", uid.decode(), part))
                if fetched and isinstance(fetched[0], tuple):  # it may be gone in the meantime
                    yield fetched[0][1], partial(_mark_in_imap, server, uid.decode())
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"the mailbox at {host} cannot be read: {error}") from error


def _connect_to_imap(url: SplitResult, host: str, seconds: float) -> imaplib.IMAP4:
    timeout = min(_IMAP_TIMEOUT, seconds)
    if url.scheme == "imap":
        return _BoundedImap(host, url.port or 143, timeout=timeout, seconds=seconds)
    context = ssl.create_default_context()
    port = url.port or 993
    return _BoundedImapTls(host, port, ssl_context=context, timeout=timeout, seconds=seconds)


def _mark_in_imap(server: imaplib.IMAP4, uid: str, *, flagged: bool = False) -> None:
    server.uid("STORE", uid, "+FLAGS", r"(\Seen \Flagged)" if flagged else r"(\Seen)")


def _get_data(response: tuple[str, Any]) -> Any:
    """Return the data of an IMAP response; raise ``IMAP4.error`` if its status is not OK."""
    status, data = response
    if status != "OK":
        raise imaplib.IMAP4.error(str(data))
    return data
