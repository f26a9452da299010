"""The demo's mail server and the inbox that it fills."""

from __future__ import annotations

import mailbox
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import msgspec

from alerts.errors import MissingExtra

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Mailbox
except ImportError as error:
    raise MissingExtra("demo", "aiosmtpd", "the demo") from error

_PARSER = BytesParser(policy=policy.default)


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


def read_inbox(folder: Path) -> list[InboxMessage]:
    """Return the emails in a Maildir, newest first; none if the folder does not exist yet."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(folder, create=False)
    keys = box.keys()  # a Maildir object cannot be iterated over by key
    messages = [_parse_message(key, box.get_bytes(key)) for key in keys]
    return sorted(messages, key=lambda message: message.moment, reverse=True)


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
    port = find_free_port()
    controller = Controller(Mailbox(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def find_free_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
