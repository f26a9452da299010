"""Digests to chats and phones, through Apprise (https://github.com/caronc/apprise): ntfy, Slack,
Matrix and a hundred more, each by an address of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from alerts.delivery.channels import Envelope, Postponed, Refused
from alerts.digests.json_body import read


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[channels.apprise]``: with it, a subscriber may be an address like ``ntfy://...``."""

    way: ClassVar[str] = "apprise"
    connections: int = 2

    @contextmanager
    def open(self) -> Iterator[Notifier]:
        """Ready at once: each address is connected to by itself."""
        yield Notifier()

    def has_taken(self, message_id: str) -> bool:
        """Nobody there remembers ids."""
        return False


class Notifier:
    """Hands messages to Apprise."""

    def deliver(self, envelope: Envelope, about_to_hand_over: Callable[[], None]) -> str:
        """Title and text, to one address. Apprise says only whether it went well."""
        import apprise  # takes a quarter of a second, which only those who use it shall wait

        told = read(envelope.body)
        service = apprise.Apprise()
        if not service.add(envelope.recipient):
            raise Refused("Apprise knows no service of this address")
        about_to_hand_over()
        if not service.notify(title=told.subject, body=told.text):
            raise Postponed("the service did not take it")
        return "notified"
