"""What was read of a page that says less than before, until another visit bears it out"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("question", sa.Column("doubted_at", sa.DateTime(timezone=True)))
    op.add_column("question", sa.Column("doubted_digest", sa.Text()))
