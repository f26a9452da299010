"""Questions with attached files are indexed again: the titles of files are searched now"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE question SET is_indexed = false WHERE record LIKE '%\"attachments\":[{%'"
    )
