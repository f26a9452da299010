"""Topics are private unless the operator publishes them

The ledgers of before do not say who named a topic, but how each subscription was made:

- A topic with a subscription of the config or of a command stays public: its addresses and the ids
  of its feed stay. Where no such subscription is active any more, it is as if the operator had
  published it, so that its readers keep it; ``watchword topics hide`` makes it private.
- A subscription that began in the moment in which another one of the same subscriber ended was
  reworded by the subscriber, and so counts as theirs, whatever made the one before.
- All other topics become private, and their addresses are answered as gone. The topics of the
  config are among them, because nothing in the ledger tells them from others. The next start
  publishes those again that the config names, at the addresses that they had.

Topic ids are never used twice any more, as the matcher knows topics by them.
"""

import hashlib
import hmac
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KIND = (
    "(kind = 'query' AND canonical IS NOT NULL AND question_id IS NULL)"
    " OR (kind = 'question' AND question_id IS NOT NULL AND canonical IS NULL)"
)


def upgrade() -> None:
    _change_tables()
    _make_feed_keys()
    _find_publishers()
    _publish()
    _retire()
    _end()


def _change_tables() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table(
        "topic",
        recreate="always" if is_sqlite else "never",
        table_args=(sa.CheckConstraint(_KIND, name=op.f("ck_topic_kind")),) if is_sqlite else (),
        table_kwargs={"sqlite_autoincrement": True},
    ) as batch:
        batch.add_column(sa.Column("publication", sa.Integer()))
        batch.add_column(sa.Column("decision", sa.Text()))
        batch.add_column(sa.Column("in_config", sa.Text()))
        batch.add_column(
            sa.Column("is_ended", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_index("ix_topic_publication", "topic", ["publication"], unique=True)
    op.create_index(
        "ix_topic_is_ended",
        "topic",
        ["id"],
        sqlite_where=sa.text("is_ended = 1"),
        postgresql_where=sa.text("is_ended"),
    )
    op.add_column(
        "subscription",
        sa.Column("publishes", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("subscription", sa.Column("feed_key", sa.Text()))
    op.create_table(
        "retired_address",
        sa.Column("slug_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug_hash", name=op.f("pk_retired_address")),
    )
    op.create_table(
        "withdrawn_feed",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_withdrawn_feed")),
    )


def _make_feed_keys() -> None:
    random = "lower(hex(randomblob(12)))"
    if op.get_bind().dialect.name == "postgresql":
        random = "replace(gen_random_uuid()::text, '-', '')"
    op.execute(f"UPDATE subscription SET feed_key = {random}")  # noqa: S608
    op.create_index("ix_subscription_feed_key", "subscription", ["feed_key"], unique=True)


#: Made by the operator, and not reworded by the subscriber.
_IS_OPERATORS = """
    subscription.origin IN ('config', 'command') AND NOT EXISTS (
        SELECT 1 FROM subscription AS former
        WHERE former.subscriber_id = subscription.subscriber_id
        AND former.id <> subscription.id AND former.ended_at = subscription.created_at
    )
"""


def _find_publishers() -> None:
    op.execute(
        "UPDATE subscription SET publishes = true"  # noqa: S608
        f" WHERE origin = 'command' AND {_IS_OPERATORS}"
    )
    mine = "SELECT 1 FROM subscription WHERE subscription.topic_id = topic.id"
    in_config = f"{mine} AND origin = 'config' AND ended_at IS NULL AND {_IS_OPERATORS}"
    op.execute(f"UPDATE topic SET in_config = 'public' WHERE EXISTS ({in_config})")  # noqa: S608
    by_command = f"{mine} AND publishes AND ended_at IS NULL"
    op.execute(
        "UPDATE topic SET decision = 'published' WHERE in_config IS NULL"  # noqa: S608
        f" AND NOT EXISTS ({by_command}) AND EXISTS ({mine} AND {_IS_OPERATORS})"
    )


def _publish() -> None:
    wanted = (
        "SELECT id FROM topic WHERE in_config IS NOT NULL OR decision = 'published' OR EXISTS ("
        "SELECT 1 FROM subscription WHERE subscription.topic_id = topic.id"
        " AND publishes AND ended_at IS NULL) ORDER BY id"
    )
    connection = op.get_bind()
    ids = connection.execute(sa.text(wanted)).scalars().all()
    if ids:
        connection.execute(
            sa.text("UPDATE topic SET publication = :number WHERE id = :id"),
            [{"number": number, "id": key} for number, key in enumerate(ids, 1)],
        )


def _retire() -> None:
    connection = op.get_bind()
    private = sa.text("SELECT slug FROM topic WHERE publication IS NULL")
    slugs = connection.execute(private).scalars().all()
    if not slugs:
        return
    key = secrets.token_bytes(32)
    secret = sa.table("secret", sa.column("name"), sa.column("value", sa.LargeBinary))
    connection.execute(sa.insert(secret).values(name="retired addresses", value=key))
    connection.execute(
        sa.text("INSERT INTO retired_address (slug_hash) VALUES (:hash)"),
        [{"hash": hmac.new(key, slug.encode(), hashlib.sha256).hexdigest()} for slug in slugs],
    )
    connection.execute(
        sa.text("INSERT INTO withdrawn_feed (name) VALUES (:name)"),
        [{"name": slug} for slug in slugs],
    )
    op.execute("DELETE FROM feed WHERE name IN (SELECT name FROM withdrawn_feed)")


def _end() -> None:
    """End what nobody is subscribed to any more.

    A topic that never had a subscription may be one of the config. The next start knows.
    """
    op.execute(
        "UPDATE topic SET is_ended = true, is_caught_up = false WHERE publication IS NULL"
        " AND EXISTS (SELECT 1 FROM subscription WHERE subscription.topic_id = topic.id)"
        " AND NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.topic_id = topic.id"
        " AND ended_at IS NULL)"
    )
