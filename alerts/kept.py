"""A digest that was sent, put together once more for the page that shows all of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.digests.digest import Digest, compose
from alerts.digests.entries import Hit, by_question, entry_of
from alerts.ledger import changes, messages


def kept_digest(connection: Connection, message_id: str, since: datetime) -> Digest | None:
    """The digest of a message that was composed after ``since``; None where there is none."""
    items = messages.items(connection, message_id, since)
    found = changes.get(connection, sorted({seq for _, seq in items}))
    hits = [Hit(watch, found[seq]) for watch, seq in items]
    return compose(map(entry_of, by_question(hits).values())) if hits else None
