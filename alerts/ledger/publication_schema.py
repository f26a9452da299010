"""Tables of what is published as files, and of what was public once and is not any more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, Integer, Table, Text, text

from alerts.ledger.schema import metadata


def _where(condition: str) -> dict[str, Any]:
    """Return the options of an index on the rows that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


feed = Table(
    # How far the files of a feed have been written. Each public topic has a row.
    "feed",
    metadata,
    Column("name", Text, primary_key=True),  # a topic's slug, or "everything"
    Column("published_up_to", Integer, nullable=False),  # newest change in the files
    Column("notices_up_to", Integer, nullable=False),  # newest notice in the files
    Column("archive_pages", Integer, nullable=False, server_default="0"),  # full archive pages
    Column("written_pages", Integer, nullable=False, server_default="0"),  # those written to disk
    Column("pinged_up_to", Integer, nullable=False, server_default="-1"),  # sent to the hub
    Column("questions", Integer),  # that a topic matches up to published_up_to; null: not counted
    # Grows when the files become outdated, but for notices and the changes of "everything".
    Column("version", Integer, nullable=False, server_default="0"),
    Column("written_version", Integer, nullable=False, server_default="-1"),  # that the files are
    Index("ix_feed_is_outdated", "name", **_where("version > written_version")),
    Index("ix_feed_is_unarchived", "name", **_where("written_pages < archive_pages")),
    Index("ix_feed_is_unpinged", "name", **_where("published_up_to > pinged_up_to")),
    Index("ix_feed_notices_up_to", "notices_up_to"),
)

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
