"""Pauses, notes and followed questions; lanes, bounces, confirmations and secrets"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("suspended_at", sa.DateTime(timezone=True)))
    op.add_column("subscriber", sa.Column("suspended_because", sa.Text()))
    op.add_column("subscriber", sa.Column("rests_until", sa.DateTime(timezone=True)))
    op.add_column(
        "subscription",
        sa.Column("finished", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("subscription", sa.Column("paused_at", sa.DateTime(timezone=True)))
    op.add_column(
        "subscription", sa.Column("length", sa.Text(), nullable=False, server_default="full")
    )
    op.add_column("subscription", sa.Column("note", sa.Text()))
    op.add_column("subscription", sa.Column("overdue_days", sa.Integer()))
    op.add_column("subscription", sa.Column("overdue_told_at", sa.DateTime(timezone=True)))
    op.add_column("message", sa.Column("lane", sa.Integer(), nullable=False, server_default="1"))
    op.add_column(
        "message",
        sa.Column("marks", sa.LargeBinary(), nullable=False, server_default=sa.text("''")),
    )
    op.create_index("ix_message_sent_at", "message", ["sent_at"])
    op.create_index("ix_delivery_outcome_attempted_at", "delivery", ["outcome", "attempted_at"])
    # In SQL, because it is said alike on both databases, and Alembic cannot say it on SQLite.
    op.execute(
        "ALTER TABLE topic ADD COLUMN question_id TEXT"
        " CONSTRAINT fk_topic_question_id_question REFERENCES question (id)"
    )
    op.execute("UPDATE topic SET published_to = NULL")  # there is one format more to be written
    _what_comes_back()
    _what_is_asked_for()


def _what_comes_back() -> None:
    op.create_table(
        "bounce",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_bounce_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounce")),
        sa.UniqueConstraint("report", name=op.f("uq_bounce_report")),
    )
    op.create_index("ix_bounce_subscriber_id", "bounce", ["subscriber_id"])
    op.create_table(
        "suppression",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_suppression")),
    )


def _what_is_asked_for() -> None:
    op.create_table(
        "wish",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_wish_subscriber_id_subscriber")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish")),
    )
    op.create_index("ix_wish_subscriber_id", "wish", ["subscriber_id"])
    op.create_index("ix_wish_token", "wish", ["token"])
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
