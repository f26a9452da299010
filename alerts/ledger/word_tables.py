"""Tables for finding questions by their words.

All of it can be made anew from the questions. The words themselves are in a table ``word`` (number
of the question's row here, keys) that each database has in a kind of its own: see the migration.
"""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table, Text, func

from alerts.ledger.base import metadata

worded = Table(
    # The number of a question in "word", which is the database's own index and no table of ours.
    "worded",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("question_id", Text, ForeignKey("question.id"), nullable=False, unique=True),
    Column("dated", Date, nullable=False),  # of its meeting, or when we first saw it
    Index("ix_worded_dated", "dated"),
)

vocabulary = Table(
    # Each key that ever was a word's, in small letters or in capitals, for what is spelt alike.
    "vocabulary",
    metadata,
    Column("key", Text, primary_key=True),
)

acronym = Table(
    "acronym",
    metadata,
    Column("question_id", Text, ForeignKey("question.id"), primary_key=True),
    Column("short", Text, primary_key=True),
    Column("long", Text, primary_key=True),
)

#: Looked up in any case, for each topic that somebody tries out.
Index("ix_acronym_short", func.lower(acronym.c.short))
Index("ix_acronym_long", func.lower(acronym.c.long))
