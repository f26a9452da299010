"""How far topics are matched is kept for each range of 100,000 topics

Each range starts where all topics were.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "topic_range",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("matched_up_to", sa.Integer(), nullable=False),
        sa.Column("joins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unreadable", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic_range")),
    )
    op.create_table(
        "topic_range_ending",
        sa.Column("range_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("range_id", name=op.f("pk_topic_range_ending")),
    )
    op.execute(
        sa.text(
            "INSERT INTO topic_range (id, matched_up_to) "
            "SELECT DISTINCT topic.id / 100000, match_progress.matched_up_to "
            "FROM topic CROSS JOIN match_progress"
        )
    )
    op.drop_table("match_progress")
