"""Questions are indexed again: percentages, sums and ranges of numbers have other keys

The daemon does so. On PostgreSQL the column that says what is indexed is made anew, with its
default, because that changes no row; its index is lost with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_INDEX = "ix_question_is_indexed"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute(sa.text("UPDATE question SET is_indexed = 0"))
        return
    op.drop_column("question", "is_indexed")
    default = sa.text("false")
    op.add_column(
        "question", sa.Column("is_indexed", sa.Boolean, server_default=default, nullable=False)
    )
    with op.get_context().autocommit_block():  # dropped first: a broken attempt leaves it invalid
        op.drop_index(_INDEX, "question", postgresql_concurrently=True, if_exists=True)
        op.create_index(_INDEX, "question", ["is_indexed"], postgresql_concurrently=True)
