"""Several processes deliver at once: claims of messages, and limits that they share

A claim has a holder, a lease and an epoch of its own. It replaces the epoch of the one writer.
Messages that were being sent when the ledger was migrated have no holder: whoever comes first takes
them, as after a process that was killed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.drop_column("message", "epoch")
    op.add_column(
        "message", sa.Column("claim_epoch", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("message", sa.Column("holder", sa.Text()))
    op.add_column("message", sa.Column("lease_until", MOMENT))
    op.create_table(
        "channel_licence",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("lease_until", MOMENT),
        sa.PrimaryKeyConstraint("channel", "number", name=op.f("pk_channel_licence")),
    )
    op.create_table(
        "channel_state",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("next_turn", sa.Float()),
        sa.Column("shut_at", MOMENT),
        sa.Column("shut_until", MOMENT),
        sa.Column("shut_by", sa.Text()),
        sa.Column("shut_reason", sa.Text()),
        sa.Column("is_refusal", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_state")),
    )
    op.create_table(
        "digest_limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_limit")),
    )
