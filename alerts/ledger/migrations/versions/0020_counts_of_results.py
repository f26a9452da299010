"""Results are counted by who asked, who was asked, status and year

Questions are indexed again, because the new columns and the words of the fields ``status`` and
``year`` are written then. The old rows of the index stay until the daemon has done so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("indexed_question", sa.Column("year", sa.Integer))
    for name in ("status", "source", "askers", "party", "addressees"):
        op.add_column("indexed_question", sa.Column(name, sa.Text))
    op.execute(sa.text("UPDATE question SET is_indexed = false"))
