"""Questions are indexed again: words of people's names in running texts have other keys

The daemon does so. On PostgreSQL the column that says what is indexed is made anew, with its
default, because that changes no row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("question", "is_indexed")
        default = sa.text("false")
        op.add_column(
            "question", sa.Column("is_indexed", sa.Boolean, server_default=default, nullable=False)
        )
    else:
        op.execute(sa.text("UPDATE question SET is_indexed = 0"))
