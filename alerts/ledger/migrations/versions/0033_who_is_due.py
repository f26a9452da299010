"""Whose digests are due is known from what changed, and not from going through all

The first rounds go through all subscribers for what is pending.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "due_subscriber",
        sa.Column(
            "subscriber_id",
            sa.Integer,
            sa.ForeignKey("subscriber.id", name="fk_due_subscriber_subscriber_id_subscriber"),
            nullable=False,
        ),
        sa.Column("due_at", _MOMENT, nullable=False),
        sa.Column("is_settled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("has_failed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("subscriber_id", name="pk_due_subscriber"),
    )
    op.create_index("ix_due_subscriber_due_at", "due_subscriber", ["due_at", "subscriber_id"])
    op.create_index(
        "ix_due_subscriber_has_failed",
        "due_subscriber",
        ["has_failed"],
        sqlite_where=sa.text("has_failed = 1"),
        postgresql_where=sa.text("has_failed"),
    )
    op.create_table(
        "digest_round",
        sa.Column("moment", _MOMENT, nullable=False),
        sa.Column("newest_seq", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("moment", name="pk_digest_round"),
    )
    op.create_table(
        "due_sweep",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("notices_up_to", sa.Integer, nullable=False),
        sa.Column("next_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_due_sweep"),
    )
