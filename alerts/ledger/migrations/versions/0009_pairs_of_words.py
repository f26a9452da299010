"""Questions are indexed again, with the pairs of words that follow each other

The old rows of the index stay until the daemon has indexed their questions again. Until then a
search finds single words as before, and says of every count that there are at least so many.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("UPDATE question SET is_indexed = false"))
