"""Questions are indexed again, because acronyms that are spoken as words are found in any case

The old rows of the index stay until the daemon has indexed their questions again. The canonical
forms of topics are rewritten by the upgrade, from what people typed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.text("UPDATE question SET is_indexed = false"))
