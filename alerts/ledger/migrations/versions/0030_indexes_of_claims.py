"""Indexes of the messages that wait, and of those that are claimed"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

COLUMNS = {"ix_message_waiting": ["lane", "due_at", "id"], "ix_message_claimed": ["lease_until"]}
CONDITIONS = {
    "ix_message_waiting": "phase = 'queued'",
    "ix_message_claimed": "phase IN ('sending', 'handing_over')",
}


def upgrade() -> None:
    for name, columns in COLUMNS.items():
        where = sa.text(CONDITIONS[name])
        if op.get_bind().dialect.name == "postgresql":
            with op.get_context().autocommit_block():  # dropped first: a broken attempt leaves it
                op.drop_index(name, "message", postgresql_concurrently=True, if_exists=True)
                op.create_index(
                    name, "message", columns, postgresql_where=where, postgresql_concurrently=True
                )
        else:
            op.create_index(name, "message", columns, sqlite_where=where)
