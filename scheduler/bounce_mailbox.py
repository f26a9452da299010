"""Where returned emails are read from: standard input, a file, a Maildir or a mailbox over IMAP."""

from __future__ import annotations

import imaplib
import mailbox
import ssl
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from alerts.errors import ExitStatus, WatchwordError

#: Marks an email as read. To be called once what it reports is committed to the ledger.
MarkAsRead = Callable[[], None]


class MailboxError(WatchwordError):
    """A mailbox cannot be read; the message names it and the reason."""

    exit_status = ExitStatus.DATA


def read_unread_emails(
    location: str, password: str | None = None
) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the unread emails at a location, each with a function that marks it as read.

    Args:
        location: ``-`` for one email on standard input, the folder of a Maildir, the path of a
            file that holds one email, or ``imaps://user@host:993/folder``.
        password: For IMAP, if the URL holds none.

    Raises:
        MailboxError: The location cannot be read.
    """
    if location == "-":
        yield sys.stdin.buffer.read(), _do_nothing
    elif location.startswith(("imap://", "imaps://")):
        yield from _read_imap(urlsplit(location), password or "")
    elif Path(location).is_dir():
        yield from _read_maildir(Path(location))
    else:
        yield _read_file(Path(location)), _do_nothing


def _do_nothing() -> None:
    """Mark nothing: a file and standard input have no such mark."""


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MailboxError(f"{path} cannot be read: {error.strerror}") from error


def _read_maildir(folder: Path) -> Iterator[tuple[bytes, MarkAsRead]]:
    if not (folder / "new").is_dir():
        raise MailboxError(f"{folder} is no Maildir: it has no folder new")
    box = mailbox.Maildir(folder, create=False)
    for key in sorted(box.keys()):  # a Maildir object cannot be iterated over by key
        message = box.get_message(key)
        if "S" not in message.get_flags():
            yield box.get_bytes(key), partial(_mark_in_maildir, box, key, message)


def _mark_in_maildir(box: mailbox.Maildir, key: str, message: mailbox.MaildirMessage) -> None:
    message.set_subdir("cur")
    message.add_flag("S")
    box[key] = message


def _read_imap(url: SplitResult, password: str) -> Iterator[tuple[bytes, MarkAsRead]]:
    host = url.hostname or "localhost"
    try:
        with _connect_to_imap(url, host) as server:
            server.login(unquote(url.username or ""), unquote(url.password or "") or password)
            _get_data(server.select(unquote(url.path.strip("/")) or "INBOX"))
            for uid in _get_data(server.uid("SEARCH", "UNSEEN"))[0].split():
                # PEEK leaves the email unread until we mark it.
                fetched = _get_data(server.uid("FETCH", uid.decode(), "(BODY.PEEK[])"))
                yield fetched[0][1], partial(_mark_in_imap, server, uid.decode())
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"the mailbox at {host} cannot be read: {error}") from error


def _connect_to_imap(url: SplitResult, host: str) -> imaplib.IMAP4:
    if url.scheme == "imap":
        return imaplib.IMAP4(host, url.port or 143)
    context = ssl.create_default_context()
    return imaplib.IMAP4_SSL(host, url.port or 993, ssl_context=context)


def _mark_in_imap(server: imaplib.IMAP4, uid: str) -> None:
    server.uid("STORE", uid, "+FLAGS", r"(\Seen)")


def _get_data(response: tuple[str, Any]) -> Any:
    """Return the data of an IMAP response; raise ``IMAP4.error`` if its status is not OK."""
    status, data = response
    if status != "OK":
        raise imaplib.IMAP4.error(str(data))
    return data
