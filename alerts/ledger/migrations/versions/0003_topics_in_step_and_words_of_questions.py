"""Topics that keep pace together and are written in their new language; the words of questions"""

import sqlalchemy as sa
from alembic import op

from alerts.queries import format_canonical, parse_query
from alerts.queries.parse import QueryError

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
    _write_anew()
    op.add_column(
        "question", sa.Column("worded", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("ix_question_worded", "question", ["worded"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE word (rowid integer PRIMARY KEY, keys tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_word_keys ON word USING gin (keys)")
    else:
        op.execute("CREATE VIRTUAL TABLE word USING fts5 (keys, detail = 'none', columnsize = 0)")


def _write_anew() -> None:
    """Put the canonical forms of the first language into those of the second, from what was typed.

    A topic whose new form is another's already, or that can no longer be read, stays as it is.
    """
    topic = sa.table("topic", sa.column("id"), sa.column("canonical"), sa.column("title"))
    connection = op.get_bind()
    topics = connection.execute(sa.select(topic)).all()
    taken = {row.canonical for row in topics}
    for row in topics:
        try:
            form = format_canonical(parse_query(row.title))
        except QueryError:
            continue
        if form not in taken:
            taken.add(form)
            connection.execute(sa.update(topic).where(topic.c.id == row.id).values(canonical=form))
