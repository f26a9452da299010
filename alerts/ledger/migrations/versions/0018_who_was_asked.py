"""Party, who was asked and the days to the answer beside each record, and indexes to count them"""

import json
import re
import unicodedata
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BATCH = 500
_INDEXES = {
    "ix_question_reference_key": ["reference_key", "source"],
    "ix_question_person": ["person", "meeting_date", "status", "days_to_answer", "body"],
    "ix_question_body": ["body", "meeting_date", "status", "days_to_answer", "person"],
    "ix_question_status": ["status", "meeting_date", "body", "person", "not_found_at"],
    "ix_question_id": ["id", "meeting_date", "status", "person", "body", "days_to_answer"],
}
_REPLACED = (
    "ix_question_source_reference_key",
    "ix_question_person",
    "ix_question_status_meeting_date",
    "ix_question_id_meeting_date",
)


def upgrade() -> None:
    for name in ("party", "body", "body_name"):
        op.add_column("question", sa.Column(name, sa.Text()))
    op.add_column("question", sa.Column("days_to_answer", sa.Integer()))
    op.add_column("feed", sa.Column("questions", sa.Integer()))
    op.execute(
        "UPDATE feed SET questions = (SELECT count(DISTINCT change.question_id) FROM topic "
        "JOIN match ON match.topic_id = topic.id JOIN change ON change.seq = match.change_seq "
        "WHERE topic.slug = feed.name) WHERE name IN (SELECT slug FROM topic)"
    )
    _fill()
    for name in _REPLACED:
        op.drop_index(name, "question")
    for name, columns in _INDEXES.items():
        op.create_index(name, "question", columns)


def _fill() -> None:
    """Put the new values beside each record."""
    names = ("id", "record", "party", "body", "body_name", "days_to_answer")
    question = sa.table("question", *(sa.column(name) for name in names))
    connection, last = op.get_bind(), ""
    wanted = sa.select(question.c.id, question.c.record).order_by(question.c.id).limit(_BATCH)
    while rows := connection.execute(wanted.where(question.c.id > last)).all():
        for row in rows:
            if values := _find_values(row.record):
                mine = sa.update(question).where(question.c.id == row.id)
                connection.execute(mine.values(**values))
        last = rows[-1].id


def _find_values(text: str) -> dict[str, Any] | None:
    """Return the values of a record; None for what is not a record of ours."""
    try:
        record = json.loads(text)
        asked = (record.get("asked_of") or [{}])[0]
        return {
            "party": (record.get("asked_by") or {}).get("party"),
            "body": _build_slug(asked.get("name") or ""),
            "body_name": asked.get("name"),
            "days_to_answer": _count_days(record),
        }
    except (ValueError, AttributeError, TypeError, IndexError, KeyError):
        return None


def _build_slug(name: str) -> str | None:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)) or None


def _count_days(record: dict[str, Any]) -> int | None:
    asked = (record.get("meeting") or {}).get("date")
    answers = [answer for answer in record.get("answers") or () if not answer.get("holding")]
    days = [answer["date"] for answer in answers if answer.get("date")]
    if not asked or not days or min(days) < asked:
        return None
    return (date.fromisoformat(min(days)) - date.fromisoformat(asked)).days
