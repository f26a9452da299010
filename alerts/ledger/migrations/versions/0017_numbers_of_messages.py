"""The number of a message is never used twice

A return path is signed for the number of a message. SQLite gave the number of the newest message to
the next one when it was deleted, so whoever had that message could have others suspended.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":  # PostgreSQL's sequences never go back
        with op.batch_alter_table(
            "message", recreate="always", table_kwargs={"sqlite_autoincrement": True}
        ):
            pass
