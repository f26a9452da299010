"""Who asked and when it was answered, beside each record; feeds, captures and what is halted"""

import json
import re
import unicodedata
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BATCH = 500


def upgrade() -> None:
    for name, kind in (
        ("person", sa.Text()),
        ("asker", sa.Text()),
        ("answered_on", sa.Date()),
        ("capture", sa.Text()),
    ):
        op.add_column("question", sa.Column(name, kind))
    _fill()
    op.create_index("ix_question_person", "question", ["person", "meeting_date"])
    op.create_index("ix_question_status_meeting_date", "question", ["status", "meeting_date"])
    op.create_index("ix_question_id_meeting_date", "question", ["id", "meeting_date"])
    op.create_index("ix_change_seq_question_id", "change", ["seq", "question_id"])
    # The first form of revision 0003 made an index of this name, on "short" in one case.
    op.execute("DROP INDEX IF EXISTS ix_acronym_short")
    op.execute("CREATE INDEX ix_acronym_short ON acronym (lower(short))")
    op.execute("CREATE INDEX ix_acronym_long ON acronym (lower(long))")
    op.create_table(
        "vocabulary",
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_vocabulary")),
    )
    _learn()
    op.create_table(
        "feed",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("published_to", sa.Integer(), nullable=False),
        sa.Column("noticed_to", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("filed", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("pinged_to", sa.Integer(), nullable=False, server_default="-1"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed")),
    )
    op.execute("ALTER TABLE topic DROP COLUMN published_to")
    op.create_table(
        "halt",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_halt")),
    )


def _learn() -> None:
    """Every word that the index has."""
    if op.get_bind().dialect.name == "postgresql":
        found, named = "ts_stat('SELECT keys FROM word')", "word"
    else:
        op.execute("CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, word, row)")
        found, named = "temp.term", "term"
    begins = f"substr({named}, 1, 2) IN ('wx', 'cx')"
    op.execute(f"INSERT INTO vocabulary (key) SELECT {named} FROM {found} WHERE {begins}")  # noqa: S608


def _fill() -> None:
    """Put beside each record what is looked for in it."""
    question = sa.table(
        "question",
        *(sa.column(name) for name in ("id", "record", "person", "asker", "answered_on")),
    )
    connection, last = op.get_bind(), ""
    wanted = sa.select(question.c.id, question.c.record).order_by(question.c.id).limit(_BATCH)
    while rows := connection.execute(wanted.where(question.c.id > last)).all():
        for row in rows:
            try:
                values = _find_values(json.loads(row.record))
            except (ValueError, LookupError, TypeError, AttributeError):
                continue  # not a record of ours: it is left as it is
            mine = sa.update(question).where(question.c.id == row.id)
            connection.execute(mine.values(**values))
        last = rows[-1].id


def _find_values(record: dict[str, Any]) -> dict[str, Any]:
    """Who asked, by which name, and the day of the first answer that is not a holding reply."""
    asker = record.get("asked_by")
    days = [
        date.fromisoformat(answer["date"])
        for answer in record.get("answers", ())
        if answer.get("date") and not answer.get("holding")
    ]
    return {
        "person": asker.get("person") or _build_slug(asker["name"]) if asker else None,
        "asker": asker["name"] if asker else None,
        "answered_on": min(days, default=None),
    }


def _build_slug(name: str) -> str | None:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or None
