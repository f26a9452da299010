"""“Do not email me again”: what the owner of an address that strangers gave can decide.

The link in each confirmation email holds the keyed hash of the address, so no address is kept for
it. What is decided stays until the owner decides otherwise by such a link.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Connection

from alerts.ledger import confirmation_history
from alerts.subscribers.addresses import may_be_emailed

EmailPermission = Literal["allowed", "paused", "refused"]
"""Whether an address is sent confirmation emails. ``paused``: too many were not answered."""


def get_permission(connection: Connection, address_hash: str, now: datetime) -> EmailPermission:
    """Return whether an address is sent confirmation emails."""
    history = confirmation_history.find(connection, address_hash)
    if history.refused_at is not None:
        return "refused"
    return "allowed" if may_be_emailed(history, now) else "paused"


def refuse_emails(connection: Connection, address_hash: str, now: datetime) -> None:
    """Send an address no more confirmation emails, whoever asks for them."""
    history = confirmation_history.find(connection, address_hash)
    refused = msgspec.structs.replace(history, refused_at=history.refused_at or now)
    confirmation_history.save(connection, address_hash, refused)


def allow_emails(connection: Connection, address_hash: str) -> None:
    """Send an address confirmation emails again, as if there had been none."""
    history = confirmation_history.find(connection, address_hash)
    allowed = msgspec.structs.replace(history, refused_at=None, unanswered=0)
    confirmation_history.save(connection, address_hash, allowed)
