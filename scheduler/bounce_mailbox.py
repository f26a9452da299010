"""Where returned emails are read from: standard input, a file, a Maildir or a mailbox over IMAP."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from scheduler.imap import (
    IMAP_SCHEMES,
    MAX_EMAIL_SIZE,
    EmailNotSent,
    ImapLocation,
    MailboxError,
    open_imap_mailbox,
    parse_imap_location,
)

#: Seconds for all emails at a location.
_MAX_SECONDS = 600.0


class MarkAsRead(Protocol):
    """Marks an email as read. To be called once what it reports is committed to the ledger."""

    def __call__(self, *, flagged: bool = False) -> None:
        """Mark it.

        Args:
            flagged: Whether to flag it as well, for the operator to look at.
        """


def read_unread_emails(
    location: str, password: str | None = None, seconds: float = _MAX_SECONDS
) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the unread emails at a location, each with a function that marks it as read.

    Args:
        location: ``-`` for one email on standard input, the folder of a Maildir, the path of a
            file that holds one email, or ``imaps://user@host:993/folder``.
        password: For IMAP.
        seconds: How long reading all of them may take. The rest is read by the next run.

    Raises:
        MailboxError: The location, or an email in it, cannot be read.
        ImapLocationError: The address of the mailbox is wrong.
    """
    if location == "-":
        yield _read_stream(sys.stdin.buffer), _do_nothing
    elif location.startswith(IMAP_SCHEMES):
        yield from _read_imap(parse_imap_location(location), password or "", seconds)
    elif Path(location).is_dir():
        yield from _read_maildir(Path(location), time.monotonic() + seconds)
    else:
        yield _read_file(Path(location)), _do_nothing


def _do_nothing(*, flagged: bool = False) -> None:
    """Mark nothing: a file and standard input have no such mark."""


def _read_stream(stream: BinaryIO) -> bytes:
    """Return the beginning of an email, and read the rest away: its sender waits for that."""
    email = stream.read(MAX_EMAIL_SIZE)
    while stream.read(MAX_EMAIL_SIZE):
        pass
    return email


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_EMAIL_SIZE)
    except OSError as error:
        raise MailboxError(f"{path} cannot be read: {error.strerror}") from error


def _read_maildir(folder: Path, end: float) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the emails of a Maildir (https://cr.yp.to/proto/maildir.html) without the flag S.

    The newest come first, so that those that stay unread never stand before a new one. After
    ``end``, by the monotonic clock, the rest is left to the next run.

    The standard library's ``mailbox`` parses each email, so one that it cannot parse would stop it.
    """
    if not (folder / "new").is_dir():
        raise MailboxError(f"{folder} is no Maildir: it has no folder new")
    paths = [path for name in ("new", "cur") for path in (folder / name).glob("*")]
    failure: MailboxError | None = None
    for path in sorted(paths, key=lambda path: path.name, reverse=True):
        if time.monotonic() > end:
            break
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


def _read_imap(
    location: ImapLocation, password: str, seconds: float
) -> Iterator[tuple[bytes, MarkAsRead]]:
    """Yield the unread emails of a mailbox. Those that its server does not send are flagged."""
    not_sent: list[str] = []
    with open_imap_mailbox(location, password, seconds) as mailbox:
        for uid in mailbox.list_unread():
            try:
                email = mailbox.fetch(uid)
            except EmailNotSent as error:  # it stops none of the others
                not_sent.append(str(error))
                mailbox.mark(uid, flagged=True)
                continue
            if email is not None:  # it may be gone in the meantime
                yield email, partial(mailbox.mark, uid)
    if not_sent:
        raise MailboxError(f"emails were not sent, and are flagged: {'; '.join(not_sent[:3])}")
