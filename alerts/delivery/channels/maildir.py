"""Messages as files in a Maildir (https://cr.yp.to/proto/maildir.html).

For a mail reader on the same machine, and for trying the service out.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from alerts.delivery.channel import ChannelSettings, ChannelUnavailable, Envelope


class MaildirSettings(ChannelSettings, frozen=True):
    """``[channels.maildir]``: writes email into a folder on this machine.

    One session at a time: a local disk gains nothing from more.
    """

    schemes: ClassVar[frozenset[str]] = frozenset({"mailto"})

    path: Path = Path("var/mail")  #: the Maildir; it is made when it is missing

    @property
    def private_folder(self) -> Path:
        """The Maildir."""
        return self.path

    @contextmanager
    def open(self) -> Iterator[Maildir]:
        """Open the Maildir, and make it when it is missing.

        Raises:
            ChannelUnavailable: The folders cannot be made.
        """
        try:
            for folder in ("tmp", "new", "cur"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChannelUnavailable(f"the Maildir {self.path} cannot be made: {error}") from error
        yield Maildir(self.path)

    def delete_copies(self, message_ids: Collection[str]) -> int:
        """Delete the files of messages from the Maildir, whoever has read them."""
        names = {_name_file(message_id) for message_id in message_ids}
        number = 0
        for folder in ("tmp", "new", "cur"):
            for file in _list_files(self.path / folder):
                if file.name.partition(":")[0] in names:
                    file.unlink(missing_ok=True)
                    number += 1
        return number


class Maildir:
    """An open Maildir.

    A message's file name is made from its Message-ID, so delivering it twice leaves one file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Write the message to ``tmp``, flush it to the disk, and move it to ``new``.

        Above the message stand the envelope's addresses, as the last mail server writes them
        (RFC 5321, section 4.4).

        Raises:
            ChannelUnavailable: The file cannot be written.
        """
        name = _name_file(envelope.message_id)
        if self._has_message(name):
            return "it was there already"
        draft = self._path / "tmp" / name
        try:
            with draft.open("wb") as file:
                file.write(_format_file(envelope))
                file.flush()
                os.fsync(file.fileno())
            before_handover()
            draft.replace(self._path / "new" / name)
        except OSError as error:
            raise ChannelUnavailable(
                f"the Maildir {self._path} cannot be written: {error}"
            ) from error
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)  # of a message that nobody wants any more
        return f"new/{name}"

    def _has_message(self, name: str) -> bool:
        """Return whether the message is there: unread, or read (``cur``, with flags added)."""
        if (self._path / "new" / name).exists():
            return True
        return any(True for _ in (self._path / "cur").glob(f"{name}*"))


def _list_files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _name_file(message_id: str) -> str:
    host = socket.gethostname().replace("/", "_").replace(":", "_") or "localhost"
    return f"{hashlib.sha256(message_id.encode()).hexdigest()[:32]}.{host}"


def _format_file(envelope: Envelope) -> bytes:
    trace = f"Delivered-To: {envelope.recipient}\n"
    if envelope.sender:
        trace = f"Return-Path: <{envelope.sender}>\n{trace}"
    return trace.encode() + envelope.body.replace(b"\r\n", b"\n")
