"""Topics to be matched and feeds to be written are found in indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

#: Index, table, column, and the condition on SQLite and on PostgreSQL; empty for none.
INDEXES = [
    (
        "ix_topic_is_outstanding",
        "topic",
        "id",
        "is_caught_up = 0 AND is_ended = 0",
        "NOT is_caught_up AND NOT is_ended",
    ),
    ("ix_feed_is_outdated", "feed", "name", *["version > written_version"] * 2),
    ("ix_feed_is_unarchived", "feed", "name", *["written_pages < archive_pages"] * 2),
    ("ix_feed_is_unpinged", "feed", "name", *["published_up_to > pinged_up_to"] * 2),
    ("ix_feed_notices_up_to", "feed", "notices_up_to", "", ""),
]


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, table, column, condition, _ in INDEXES:
            where = sa.text(condition) if condition else None
            op.create_index(name, table, [column], sqlite_where=where)
        return
    with op.get_context().autocommit_block():  # dropped first: a broken attempt leaves it invalid
        for name, table, column, _, condition in INDEXES:
            where = sa.text(condition) if condition else None
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name, table, [column], postgresql_concurrently=True, postgresql_where=where
            )
