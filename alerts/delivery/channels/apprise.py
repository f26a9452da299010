"""Digests to chats and phones, through Apprise (https://github.com/caronc/apprise): ntfy, Slack,
Matrix and a hundred more, each by an address of its own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import msgspec

from alerts.delivery.channels import Envelope, MessageRejected, TemporaryFailure
from alerts.mail.notification import parse_notification


class AppriseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[channels.apprise]``: with it, a subscriber may be an address like ``ntfy://...``."""

    kind: ClassVar[str] = "apprise"
    connections: int = 2

    @contextmanager
    def open(self) -> Iterator[AppriseNotifier]:
        """Ready at once: each address is connected to by itself."""
        yield AppriseNotifier()

    def was_accepted(self, message_id: str) -> bool:
        """Nobody there remembers ids."""
        return False


class AppriseNotifier:
    """Hands messages to Apprise."""

    def deliver(self, envelope: Envelope, before_handover: Callable[[], None]) -> str:
        """Title and text, to one address. Apprise says only whether it went well."""
        import apprise  # takes a quarter of a second, which only those who use it shall wait

        told = parse_notification(envelope.body)
        service = apprise.Apprise()
        if not service.add(envelope.recipient):
            raise MessageRejected("Apprise knows no service of this address")
        before_handover()
        if not service.notify(title=told.subject, body=told.text):
            raise TemporaryFailure("the service did not take it")
        return "notified"
