"""The writer on PostgreSQL holds a lease, which it renews"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("writer", sa.Column("beat", sa.Float))
