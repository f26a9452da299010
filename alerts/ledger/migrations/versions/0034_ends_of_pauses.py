"""Pauses that end by themselves are found without going through all subscriptions"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_NAME = "ix_subscription_resume_at"
_CONDITION = sa.text("resume_at IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(_NAME, "subscription", ["resume_at"], sqlite_where=_CONDITION)
        return
    with op.get_context().autocommit_block():  # dropped first: a broken attempt leaves it invalid
        op.drop_index(_NAME, "subscription", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            _NAME,
            "subscription",
            ["resume_at"],
            postgresql_where=_CONDITION,
            postgresql_concurrently=True,
        )
