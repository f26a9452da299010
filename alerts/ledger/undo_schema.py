"""The table of what subscribers can undo; see :mod:`alerts.ledger.schema`."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from alerts.ledger.schema import metadata
from alerts.ledger.utc_datetime import UtcDateTime

undo_record = Table(
    # What a subscriber changed in the last day, and how their alerts were before.
    "undo_record",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subscriber_id", Integer, ForeignKey("subscriber.id"), nullable=False, index=True),
    Column("action", Text, nullable=False),  # alerts.ledger.undo_records.UndoableAction
    Column("former", Text, nullable=False),  # alerts.ledger.undo_records.FormerState, JSON
    Column("done_at", UtcDateTime, nullable=False, index=True),
)
