"""Feeds have versions, and each public topic has a row from the beginning

All feeds are written once more: whether their files lacked something was computed before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feed", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "feed", sa.Column("written_version", sa.Integer(), server_default="-1", nullable=False)
    )
    op.execute(
        sa.text(
            "INSERT INTO feed (name, published_up_to, notices_up_to) "
            "SELECT slug, -1, 0 FROM topic WHERE publication IS NOT NULL "
            "AND slug NOT IN (SELECT name FROM feed)"
        )
    )
