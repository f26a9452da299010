"""Where what comes back by mail is read from: a file, a Maildir, a mailbox over IMAP."""

from __future__ import annotations

import imaplib
import mailbox
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from alerts.errors import ExitStatus, WatchwordError

#: Marks an email as read, once what it says is in the ledger.
MarkAsRead = Callable[[], None]


class MailboxError(WatchwordError):
    """A mailbox cannot be read; the message says which and why."""

    exit_status = ExitStatus.DATA


def read_unread_emails(
    location: str, password: str | None = None
) -> Iterator[tuple[bytes, MarkAsRead]]:
    """The unread emails at a place, each with what marks it as read.

    ``location`` is ``-`` for one email on standard input, a Maildir's folder, the file of one
    email,
    or ``imaps://user@host/folder``. Raises :class:`MailboxError`.
    """
    if location == "-":
        yield sys.stdin.buffer.read(), lambda: None
    elif location.startswith(("imap://", "imaps://")):
        yield from _read_imap(location, password)
    elif Path(location).is_dir():
        yield from _read_maildir(Path(location))
    else:
        try:
            yield Path(location).read_bytes(), lambda: None
        except OSError as error:
            raise MailboxError(f"{location} cannot be read: {error.strerror}") from error


def _read_maildir(folder: Path) -> Iterator[tuple[bytes, MarkAsRead]]:
    if not (folder / "new").is_dir():
        raise MailboxError(f"{folder} is no Maildir: it has no folder new")
    box = mailbox.Maildir(folder, create=False)
    for key in sorted(box.keys()):  # a mailbox is no dict
        letter = box.get_message(key)
        if "S" in letter.get_flags():
            continue

        def done(key: str = key, letter: mailbox.MaildirMessage = letter) -> None:
            letter.set_subdir("cur")
            letter.add_flag("S")
            box[key] = letter

        yield box.get_bytes(key), done


def _read_imap(url: str, password: str | None) -> Iterator[tuple[bytes, MarkAsRead]]:
    parts = urlsplit(url)
    host, user = parts.hostname or "localhost", unquote(parts.username or "")
    word = unquote(parts.password or "") or password or ""
    try:
        server = (
            imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=ssl.create_default_context())
            if parts.scheme == "imaps"
            else imaplib.IMAP4(host, parts.port or 143)
        )
        with server:
            server.login(user, word)
            _require_ok(server.select(unquote(parts.path.strip("/")) or "INBOX"))
            for number in _require_ok(server.uid("SEARCH", "UNSEEN"))[0].split():
                found = _require_ok(server.uid("FETCH", number.decode(), "(BODY.PEEK[])"))

                def done(number: bytes = number) -> None:
                    server.uid("STORE", number.decode(), "+FLAGS", r"(\Seen)")

                yield found[0][1], done
    except (OSError, imaplib.IMAP4.error) as error:
        raise MailboxError(f"the mailbox at {host} cannot be read: {error}") from error


def _require_ok(answer: tuple[str, Any]) -> Any:
    """What the server gave; raises where it said no."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(str(answer[1]))
    return answer[1]
