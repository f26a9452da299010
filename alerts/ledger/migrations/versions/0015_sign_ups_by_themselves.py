"""Sign-ups that are confirmed one by one, and titles of followed questions from the ledger"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confirmation_history",
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_confirmation_history")),
    )
    op.add_column("pending_subscription", sa.Column("emailed_at", sa.DateTime(timezone=True)))
    # The first request of each token is the one that its email named.
    op.execute(
        "UPDATE pending_subscription SET emailed_at = requested_at WHERE id IN"
        " (SELECT min(id) FROM pending_subscription GROUP BY token)"
    )
    _correct_titles()


def _correct_titles() -> None:
    """Give followed questions their titles: the first follower's browser sent what is stored."""
    topic = sa.table("topic", *(sa.column(name) for name in ("id", "question_id", "title")))
    question = sa.table("question", sa.column("id"), sa.column("record"))
    subscription = sa.table("subscription", sa.column("topic_id"), sa.column("query"))
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(topic.c.id, topic.c.title, question.c.id.label("question_id"), question.c.record)
        .join_from(topic, question, topic.c.question_id == question.c.id)
        .order_by(topic.c.id)
    ).all()
    for row in rows:
        title = _find_title(row.title, row.record) or row.question_id
        for table, mine, column in (
            (topic, topic.c.id, "title"),
            (subscription, subscription.c.topic_id, "query"),
        ):
            changing = sa.update(table).where(mine == row.id, table.c[column] != title)
            connection.execute(changing.values({column: title}))


def _find_title(stored: str, record: str) -> str | None:
    """Return the title in a record; where it has none, the stored one if its text begins so."""
    try:
        values = json.loads(record)
        if title := str(values.get("title") or "").strip():
            return title
        beginning = " ".join(values["question"][0]["paragraphs"][0].split())
        if stored.rstrip("…") and beginning.startswith(stored.rstrip("…")):
            return stored
        return str(values.get("reference") or "") or None
    except (ValueError, AttributeError, LookupError, TypeError):
        return None  # not a record of ours
