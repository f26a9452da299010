"""The table of confirmation emails; see :mod:`alerts.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from alerts.ledger.schema import metadata
from alerts.ledger.utc_datetime import UtcDateTime

confirmation_history = Table(
    # The confirmation emails to an address that strangers gave. The hash stays when the
    # subscriber is deleted, so that "do not email me again" holds.
    "confirmation_history",
    metadata,
    Column("address_hash", Text, primary_key=True),  # keyed, of the folded address
    Column("unanswered", Integer, nullable=False),  # emails since the last confirmation
    Column("last_sent_at", UtcDateTime),
    Column("refused_at", UtcDateTime),  # when its owner asked for no more; null if they did not
)
