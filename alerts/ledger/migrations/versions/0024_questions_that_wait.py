"""Indexes of the questions that wait for an answer

PostgreSQL has lost the index of a column that migration 0023 made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_WAITING = "status <> 'answered' AND not_found_at IS NULL"
_INDEXES = {
    "ix_question_waiting_for_body": ["body", "meeting_date", "id", "person"],
    "ix_question_waiting": ["meeting_date", "id", "person", "body"],
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            _make_concurrently("ix_question_is_indexed", ["is_indexed"])
            for name, columns in _INDEXES.items():
                _make_concurrently(name, columns, sa.text(_WAITING))
        return
    for name, columns in _INDEXES.items():
        op.create_index(name, "question", columns, sqlite_where=sa.text(_WAITING))


def _make_concurrently(name: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    """Make an index; it is dropped first, because a broken attempt leaves it invalid."""
    op.drop_index(name, "question", postgresql_concurrently=True, if_exists=True)
    op.create_index(
        name, "question", columns, postgresql_concurrently=True, postgresql_where=where
    )
