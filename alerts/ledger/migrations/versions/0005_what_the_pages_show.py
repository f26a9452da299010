"""Who asked and when it was answered, beside each record; feeds, captures and what is halted"""

import msgspec
import sqlalchemy as sa
from alembic import op

from alerts.ledger.base import UtcDateTime
from alerts.ledger.questions import build_columns
from crawler.records import decode_question

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
    # Looked up in any case for each topic that somebody tries out.
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
        sa.Column("since", UtcDateTime(), nullable=False),
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
                values = build_columns(decode_question(row.record))
            except msgspec.MsgspecError:  # written by hand: it is left as it is
                continue
            mine = sa.update(question).where(question.c.id == row.id)
            connection.execute(mine.values(**values))
        last = rows[-1].id
