"""Keys that are replaced, sessions and actions of the operator, keyed hashes of addresses"""

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "retired_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("retired_at", MOMENT, nullable=False),
        sa.Column("accepted_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retired_secret")),
    )
    op.create_table(
        "operator_session",
        sa.Column("session_hash", sa.Text(), nullable=False),
        sa.Column("password_tag", sa.Text(), nullable=False),
        sa.Column("signed_in_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_operator_session")),
    )
    op.create_table(
        "operator_action",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("done_at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_action")),
    )
    op.create_index(op.f("ix_operator_action_done_at"), "operator_action", ["done_at"])
    op.add_column(
        "subscriber",
        sa.Column("link_generation", sa.Integer(), server_default="0", nullable=False),
    )
    _key_suppressions(op.get_bind())


def _key_suppressions(connection: sa.Connection) -> None:
    """Replace the hashes of suppressed addresses by keyed hashes of them.

    The key follows from the one of the pages, so that a backup from before this migration gets the
    same key, and the sent log beside it is still understood.
    """
    pages = _find_key(connection, "pages")
    key = _find_key(connection, "addresses")
    if key is None:
        key = (
            hmac.new(pages, b"watchword addresses", hashlib.sha256).digest()
            if pages
            else secrets.token_bytes(32)
        )
        connection.execute(
            sa.text("INSERT INTO secret (name, value) VALUES ('addresses', :value)"),
            {"value": key},
        )
    for (former,) in connection.execute(sa.text("SELECT address_hash FROM suppression")).all():
        keyed = hmac.new(key, former.encode(), hashlib.sha256).hexdigest()
        connection.execute(
            sa.text("UPDATE suppression SET address_hash = :new WHERE address_hash = :old"),
            {"new": keyed, "old": former},
        )


def _find_key(connection: sa.Connection, name: str) -> bytes | None:
    found = connection.execute(
        sa.text("SELECT value FROM secret WHERE name = :name"), {"name": name}
    ).scalar()
    return bytes(found) if found is not None else None
