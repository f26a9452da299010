"""The operator's overview counts active subscriptions by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_INDEX = "ix_subscription_active"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _create()
        return
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "subscription", if_exists=True, postgresql_concurrently=True)
        _create()


def _create() -> None:
    is_active = sa.text("ended_at IS NULL")
    op.create_index(
        _INDEX,
        "subscription",
        ["topic_id", "subscriber_id", "paused_at"],
        sqlite_where=is_active,
        postgresql_where=is_active,
        postgresql_concurrently=True,
    )
