"""Topics that keep pace together and are written in their new language; the words of questions"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("matched_to", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
    )
    op.execute(
        "INSERT INTO pace (id, matched_to) SELECT 1, coalesce(max(matched_to), 0) FROM topic"
    )
    op.create_table(
        "acronym",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("long", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.id"], name=op.f("fk_acronym_question_id_question")
        ),
        sa.PrimaryKeyConstraint("question_id", "short", "long", name=op.f("pk_acronym")),
    )
    op.create_table(
        "worded",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.id"], name=op.f("fk_worded_question_id_question")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worded")),
        sa.UniqueConstraint("question_id", name=op.f("uq_worded_question_id")),
    )
    op.create_index("ix_worded_dated", "worded", ["dated"])
    op.add_column(
        "topic", sa.Column("in_step", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute("UPDATE topic SET in_step = (matched_to = (SELECT matched_to FROM pace))")
    _mark_topics()
    op.add_column(
        "question", sa.Column("worded", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_question_worded", "question", ["worded"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE word (rowid integer PRIMARY KEY, keys tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_word_keys ON word USING gin (keys)")
    else:
        op.execute("CREATE VIRTUAL TABLE word USING fts5 (keys, detail = 'none', columnsize = 0)")


def _mark_topics() -> None:
    """Mark the topics whose canonical form is written in the first query language.

    Rewriting them takes the parser, which a migration must not import. Revision 0006 turns the
    mark into a language version, and the ledger rewrites what has an old version.
    """
    op.create_table(
        "topic_of_first_language",
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic_id", name=op.f("pk_topic_of_first_language")),
    )
    op.execute("INSERT INTO topic_of_first_language (topic_id) SELECT id FROM topic")
