"""Messages as JSON, for recipients that are not mailboxes: webhooks and chat services. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from alerts.mail.mime import clean_body, clean_header

#: Raised when a field is taken away or its meaning changes; a new field does not raise it.
VERSION = 1


class Notification(msgspec.Struct, frozen=True):
    """What a channel that shows no HTML needs of a message."""

    id: str  #: the Message-ID without its brackets; the same when the message is sent again
    subject: str
    text: str


def encode_notification(
    notification: Notification, now: datetime, details: Mapping[str, Any] | None = None
) -> bytes:
    """Return the body of a webhook.

    Args:
        notification: What every message has.
        now: When the message was composed.
        details: Further fields, which depend on the kind of message.
    """
    values = {
        "version": VERSION,
        "id": notification.id,
        "at": now,
        "subject": clean_header(notification.subject),
        "text": clean_body(notification.text),
        **(details or {}),
    }
    return msgspec.json.encode(values)


def parse_notification(body: bytes) -> Notification:
    """Return what :func:`encode_notification` wrote, without the further fields."""
    return msgspec.json.decode(body, type=Notification)
