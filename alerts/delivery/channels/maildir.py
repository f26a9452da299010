"""Messages as files in a Maildir, for a mail reader on the same machine and for trials.

The file's name comes from the Message-ID, so handing a message over twice leaves one file.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import msgspec

from alerts.delivery.channels import ChannelUnavailable, Envelope


class MaildirSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[mail.maildir]``"""

    kind: ClassVar[str] = "mail"
    path: Path = Path("var/mail")

    @property
    def connections(self) -> int:
        """One: there is nothing to wait for."""
        return 1

    def was_accepted(self, message_id: str) -> bool:
        """Handing over again is without harm, so nobody need ask."""
        return False

    @contextmanager
    def open(self) -> Iterator[Maildir]:
        """The Maildir, made where it is missing."""
        try:
            for folder in ("tmp", "new", "cur"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChannelUnavailable(f"the Maildir {self.path} cannot be made: {error}") from error
        yield Maildir(self.path)


class Maildir:
    """An open Maildir (https://cr.yp.to/proto/maildir.html)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Write the message to ``tmp`` and move it to ``new``, flushed to the disk before.

        Above it stand the envelope's addresses, as the last host writes them (RFC 5321 4.4).
        """
        name = f"{hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]}.{_get_host()}"
        if self._has_message(name):
            return "it was there already"
        outside = f"Delivered-To: {envelope.recipient}\n"
        if envelope.sender:
            outside = f"Return-Path: <{envelope.sender}>\n{outside}"
        lines = envelope.body.replace(b"\r\n", b"\n")
        draft = self._path / "tmp" / name
        try:
            with draft.open("wb") as file:
                file.write(outside.encode() + lines)
                file.flush()
                os.fsync(file.fileno())
            before_handover()
            draft.replace(self._path / "new" / name)
        except OSError as error:
            raise ChannelUnavailable(
                f"the Maildir {self._path} cannot be written: {error}"
            ) from error
        return f"new/{name}"

    def _has_message(self, name: str) -> bool:
        """Whether the message is there, read (in ``cur``, with flags on its name) or not."""
        if (self._path / "new" / name).exists():
            return True
        return any(True for _ in (self._path / "cur").glob(f"{name}*"))


def _get_host() -> str:
    return socket.gethostname().replace("/", "_").replace(":", "_") or "localhost"
