"""Tables of how far topics are matched, range by range."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from alerts.ledger.schema import metadata

topic_range = Table(
    # A block of topic ids whose caught-up topics are matched together. Whoever matches them locks
    # the row first, and nobody else writes it.
    "topic_range",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # a topic's id // its size
    Column("matched_up_to", Integer, nullable=False),  # the change up to which they are matched
    # How many commits have caught topics up; compiled topics of an earlier number lack some.
    Column("joins", Integer, nullable=False, server_default="0"),
    Column("unreadable", Text),  # ids of topics whose forms are damaged, as JSON; null: none
)

topic_range_ending = Table(
    # How many commits have ended topics of a range: apart from the range, so that whoever ends a
    # topic does not wait until a batch is matched.
    "topic_range_ending",
    metadata,
    Column("range_id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)
