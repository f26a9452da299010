"""Jobs that several workers run at once, and one open alarm of a kind

Of alarms of one kind about one source that are open, the first stays open.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_CLEAR_REPEATED = """
UPDATE alarm SET cleared_at = raised_at
WHERE cleared_at IS NULL AND EXISTS (
    SELECT 1 FROM alarm AS other
    WHERE other.kind = alarm.kind AND coalesce(other.source, '') = coalesce(alarm.source, '')
    AND other.cleared_at IS NULL AND other.id < alarm.id
)
"""


def upgrade() -> None:
    op.add_column("job", sa.Column("running", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE job SET running = 1 WHERE ended_at IS NULL OR ended_at < begun_at")
    op.create_table(
        "failed_shard",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("shard", sa.Text(), nullable=False),
        sa.Column("failures_in_a_row", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", "shard", name=op.f("pk_failed_shard")),
    )
    op.execute(_CLEAR_REPEATED)
    op.create_index(
        "uq_alarm_open",
        "alarm",
        [sa.text("coalesce(source, '')"), "kind"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
