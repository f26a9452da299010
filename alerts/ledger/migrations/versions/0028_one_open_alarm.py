"""One open alarm of a kind, whoever raises it

Until now only one process at a time raised alarms, so no ledger has two.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_INDEX = "uq_alarm_open"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        _create()
        return
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, "alarm", if_exists=True, postgresql_concurrently=True)  # half-made
        _create()


def _create() -> None:
    is_open = sa.text("cleared_at IS NULL")
    op.create_index(
        _INDEX,
        "alarm",
        [sa.text("coalesce(source, '')"), "kind"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
        postgresql_concurrently=True,
    )
