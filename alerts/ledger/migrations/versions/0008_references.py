"""The reference of a question as a column, to find it by when its address changes"""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 500
_NUMBERED = re.compile(r"(\d{1,5}) ?/ ?(\d{1,5})(-\d+)?", re.ASCII)


def upgrade() -> None:
    op.add_column("question", sa.Column("reference_key", sa.Text()))
    _fill()
    op.create_index("ix_question_source_reference_key", "question", ["source", "reference_key"])


def _fill() -> None:
    """Put the reference beside each record."""
    names = ("id", "record", "reference_key")
    question = sa.table("question", *(sa.column(name) for name in names))
    connection, last = op.get_bind(), ""
    wanted = sa.select(question.c.id, question.c.record).order_by(question.c.id).limit(_BATCH)
    while rows := connection.execute(wanted.where(question.c.id > last)).all():
        for row in rows:
            if key := _find_key(row.record):
                mine = sa.update(question).where(question.c.id == row.id)
                connection.execute(mine.values(reference_key=key))
        last = rows[-1].id


def _find_key(record: str) -> str | None:
    """Return the reference in the form in which two are compared; None without one."""
    try:
        reference = str(json.loads(record).get("reference") or "").strip()
    except (ValueError, AttributeError):
        return None  # not a record of ours: it is left as it is
    match = _NUMBERED.fullmatch(reference)
    if match is None:
        return reference.casefold() or None
    first, second = sorted((int(match[1]), int(match[2])))
    return f"{first}/{second}{match[3] or ''}"
