"""The demo's mail server and the inbox that it fills."""

from __future__ import annotations

import mailbox
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import msgspec

from alerts.errors import ExitStatus, MissingExtra, WatchwordError

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Mailbox
except ImportError as error:
    raise MissingExtra("demo", "aiosmtpd", "the demo") from error

_PARSER = BytesParser(policy=policy.default)

#: Emails that the inbox keeps, of about 40 kB each: 20 MB.
_MAX_EMAILS = 500
#: Ports that are tried, from the wanted one on.
_PORTS_TRIED = 50
#: How often the mail server tries another port, if somebody takes the one that was free.
_SERVER_ATTEMPTS = 5


class NoFreePort(WatchwordError):
    """Somebody listens at all ports that were tried."""

    exit_status = ExitStatus.UNAVAILABLE


class InboxMessage(msgspec.Struct, frozen=True):
    """One email of the inbox, in the parts that are shown."""

    key: str  #: in the Maildir
    to: str
    date: str  #: ``Thu 26 Nov, 07:31``
    subject: str
    html: str  #: empty if there is no such part
    text: str  #: empty if there is no such part
    headers: str  #: one a line
    moment: datetime


class Inbox:
    """The Maildir that the mail server fills: each email is parsed once, and the newest are kept.

    Threads may share it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._parsed: dict[str, InboxMessage] = {}
        self._opened: set[str] = set()

    def list_messages(self) -> list[InboxMessage]:
        """Return the emails, newest first; none before the first has arrived."""
        if not self._folder.is_dir():
            return []
        box = mailbox.Maildir(self._folder, create=False)
        with self._lock:
            keys = box.keys()  # a Maildir object cannot be iterated over by key
            self._parsed = {
                key: self._parsed.get(key) or _parse_message(key, box.get_bytes(key))
                for key in keys
            }
            messages = _sort(list(self._parsed.values()))
            for message in messages[_MAX_EMAILS:]:
                box.discard(message.key)
        return messages[:_MAX_EMAILS]

    def find(self, key: str) -> InboxMessage | None:
        """Return an email by its key, None if there is none."""
        return next((one for one in self.list_messages() if one.key == key), None)

    def mark_opened(self, key: str) -> None:
        """Note that somebody has opened an email."""
        self._opened.add(key)

    def mark_all_opened(self) -> None:
        """Let all emails of now be old: they were sent before anybody could open them."""
        self._opened |= {message.key for message in self.list_messages()}

    def is_opened(self, message: InboxMessage) -> bool:
        """Return whether somebody has opened an email."""
        return message.key in self._opened


def read_inbox(folder: Path) -> list[InboxMessage]:
    """Return the emails in a Maildir, newest first; none if the folder does not exist yet."""
    return Inbox(folder).list_messages()


def _sort(messages: list[InboxMessage]) -> list[InboxMessage]:
    """Return emails newest first; of one second, in the order in which they arrived."""
    return sorted(messages, key=lambda message: (message.moment, message.key), reverse=True)


def _parse_message(key: str, body: bytes) -> InboxMessage:
    message = _PARSER.parsebytes(body)
    assert isinstance(message, EmailMessage)
    moment: datetime = message["Date"].datetime
    return InboxMessage(
        key=key,
        to=str(message["To"]),
        date=f"{moment:%a %d %b, %H:%M}",
        subject=str(message["Subject"]),
        html=_get_part(message, "html"),
        text=_get_part(message, "plain"),
        headers="\n".join(f"{name}: {value}" for name, value in message.items()),
        moment=moment,
    )


def _get_part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part else ""


@contextmanager
def run_mail_server(folder: Path) -> Iterator[int]:
    """Run a mail server that puts every email into a Maildir; yield its port on 127.0.0.1."""
    controller, port = _start_mail_server(folder)
    try:
        yield port
    finally:
        controller.stop()


def _start_mail_server(folder: Path) -> tuple[Controller, int]:
    """Start the server at a free port, or at another if somebody takes that one."""
    for attempt in range(_SERVER_ATTEMPTS):
        port = find_free_port()
        controller = Controller(Mailbox(folder), hostname="127.0.0.1", port=port)
        try:
            controller.start()
        except OSError:
            if attempt == _SERVER_ATTEMPTS - 1:
                raise
        else:
            return controller, port
    raise AssertionError("the last attempt returns or raises")


def find_free_port(wanted: int = 0) -> int:
    """Return a port of 127.0.0.1 at which nobody listens.

    Args:
        wanted: The first port to try, then the next ones in order; 0 for any.

    Raises:
        NoFreePort: Somebody listens at the wanted port and at the 49 after it.
    """
    last = min(wanted + _PORTS_TRIED - 1, 65_535) if wanted else 0
    for port in range(wanted, last + 1):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                free: int = listener.getsockname()[1]
                return free
        except OSError:
            continue
    raise NoFreePort(f"--port: ports {wanted} to {last} are taken; name another")
