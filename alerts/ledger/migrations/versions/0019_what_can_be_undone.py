"""What subscribers can undo for a day, and pauses with an end"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "undo_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("former", sa.Text(), nullable=False),
        sa.Column("done_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_undo_record_subscriber_id_subscriber"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undo_record")),
    )
    op.create_index(op.f("ix_undo_record_subscriber_id"), "undo_record", ["subscriber_id"])
    op.create_index(op.f("ix_undo_record_done_at"), "undo_record", ["done_at"])
    op.add_column("subscription", sa.Column("resume_at", MOMENT))
    op.add_column(
        "subscription",
        sa.Column("is_rewound", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
