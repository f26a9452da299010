"""Tables of what was public once and is not any more."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from alerts.ledger.schema import metadata

retired_address = Table(
    # The name of a topic that was public, in its address, as a keyed hash: the words are not kept.
    # A row says nothing about whether anybody is subscribed to the topic now.
    "retired_address",
    metadata,
    Column("slug_hash", Text, primary_key=True),
)

withdrawn_feed = Table(
    # A feed whose files are to be deleted. The row goes with them.
    "withdrawn_feed",
    metadata,
    Column("name", Text, primary_key=True),
)
