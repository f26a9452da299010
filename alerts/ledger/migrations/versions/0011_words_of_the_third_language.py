"""Questions are indexed again, with the words of the third query language

The old rows of the index stay until the daemon has indexed their questions again. The canonical
forms of topics are rewritten by the upgrade, from what people typed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("UPDATE question SET is_indexed = false"))
