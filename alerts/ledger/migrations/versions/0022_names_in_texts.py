"""Questions are indexed again, and those that wait for an answer are in indexes of their own

Words of people's names in running texts have other keys in the index of words.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_question_waiting_for_body": ["body", "meeting_date", "id", "person"],
    "ix_question_waiting": ["meeting_date", "id", "person", "body"],
}


def upgrade() -> None:
    waiting = sa.text("status <> 'answered' AND not_found_at IS NULL")
    for name, columns in _INDEXES.items():
        op.create_index(
            name, "question", columns, sqlite_where=waiting, postgresql_where=waiting
        )
    op.execute(sa.text("UPDATE question SET is_indexed = false"))
