"""Questions that the operator took down"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "takedown",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("taken_down_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"], ["question.id"], name=op.f("fk_takedown_question_id_question")
        ),
        sa.PrimaryKeyConstraint("question_id", name=op.f("pk_takedown")),
    )
    op.create_index(op.f("ix_takedown_content_digest"), "takedown", ["content_digest"])
