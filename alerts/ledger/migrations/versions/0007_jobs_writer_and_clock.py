"""How each job last ended; the writer and its epoch; the clock at the last rounds"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("good_at", sa.DateTime(timezone=True)),
        sa.Column("failures_in_a_row", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job")),
    )
    op.create_table(
        "writer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("process", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writer")),
    )
    op.execute("INSERT INTO writer (id, epoch) VALUES (1, 0)")
    op.create_table(
        "clock_reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("boot", sa.Text()),
        sa.Column("uptime", sa.Float()),
        sa.Column("set_back_at", sa.DateTime(timezone=True)),
        sa.Column("is_doubted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_reading")),
    )
    op.add_column("message", sa.Column("epoch", sa.Integer()))
