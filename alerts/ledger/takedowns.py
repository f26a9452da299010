"""Questions that the operator took down: the reason, and what is masked in the other tables."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from alerts.ledger import publication
from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.messages import UNSENT_PHASES
from alerts.ledger.questions import build_columns
from alerts.ledger.records import format_record, read_records
from alerts.ledger.schema import (
    change,
    held_change,
    message,
    question,
    question_identity,
    subscription,
    takedown,
    topic,
)
from alerts.ledger.topics import build_slug
from alerts.model import build_topic_key
from crawler.records import Question, mask_question, name_question

#: What is left of a message that showed a question that was taken down.
_MASKED_BODY = zlib.compress(b"This message was deleted: it showed a question taken down.\n", 1)
_MASKED_SUBJECT = "(deleted: it showed a question taken down)"


class Takedown(msgspec.Struct, frozen=True):
    """A question that was taken down, and why."""

    question_id: str
    taken_down_at: datetime
    reason: str


def add(connection: Connection, record: Question, reason: str, now: datetime) -> Takedown:
    """Record that a question is taken down; one that is already keeps its day and its reason."""
    insert_once(
        connection,
        takedown,
        question_id=record.id,
        taken_down_at=now,
        reason=reason,
        content_digest=record.digest,
    )
    found = find(connection, record.id)
    assert found is not None
    return found


def find(connection: Connection, question_id: str) -> Takedown | None:
    """Return the takedown of a question; None if it is not taken down."""
    return next(iter(_list_where(connection, takedown.c.question_id == question_id)), None)


def list_all(connection: Connection) -> list[Takedown]:
    """Return all takedowns, newest first."""
    return _list_where(connection, takedown.c.question_id.is_not(None))


def _list_where(connection: Connection, condition: ColumnElement[bool]) -> list[Takedown]:
    columns = [takedown.c[name] for name in Takedown.__struct_fields__]
    wanted = select(*columns).where(condition)
    order = takedown.c.taken_down_at.desc(), takedown.c.question_id
    return [Takedown(*row) for row in connection.execute(wanted.order_by(*order))]


def list_records(connection: Connection, source: str) -> list[Question]:
    """Return what is left of the questions of a source that are taken down."""
    wanted = select(question.c.id, question.c.record).where(question.c.source == source)
    return list(
        read_records(
            connection.execute(wanted.join(takedown, takedown.c.question_id == question.c.id))
        )
    )


def count(connection: Connection) -> int:
    """Return how many questions are taken down."""
    return connection.execute(select(func.count()).select_from(takedown)).scalar_one()


def find_same(connection: Connection, record: Question) -> str | None:
    """Return the id of the question taken down that ``record``, at a new address, is.

    It says the same, or it has the reference of that question and the day of its meeting.
    """
    same_content = takedown.c.content_digest == record.digest
    key, day = build_columns(record)["reference_key"], record.meeting and record.meeting.date
    same_reference = and_(question.c.reference_key == key, question.c.meeting_date == day)
    wanted = (
        select(takedown.c.question_id)
        .join(question, question.c.id == takedown.c.question_id)
        .where(
            question.c.source == record.source,
            or_(same_content, same_reference) if key and day else same_content,
        )
    )
    return connection.execute(wanted.limit(1)).scalar()


def list_identities(connection: Connection, question_id: str) -> tuple[str, ...]:
    """Return all ids that a question has or had."""
    mine = question_identity.c.question_id == question_id
    wanted = select(question_identity.c.identity).where(mine)
    return tuple(connection.execute(wanted.order_by(question_identity.c.identity)).scalars())


def list_change_numbers(connection: Connection, question_id: str) -> list[int]:
    """Return the numbers of all changes of a question."""
    wanted = select(change.c.seq).where(change.c.question_id == question_id)
    return list(connection.execute(wanted.order_by(change.c.seq)).scalars())


def mask(connection: Connection, record: Question) -> None:
    """Replace what the tables say of a question by what :func:`mask_question` leaves.

    Its changes alert nobody any more, and those that were held are deleted. The word index is not
    touched.
    """
    masked = mask_question(record)
    text = format_record(masked)
    connection.execute(
        update(question)
        .where(question.c.id == record.id)
        .values(
            **build_columns(masked),
            record=text,
            url=None,
            status=masked.status,
            is_suspect=False,
            is_indexed=True,
            **dict.fromkeys(_FORGOTTEN_COLUMNS),
        )
    )
    mine = change.c.question_id == record.id
    connection.execute(update(change).where(mine).values(after=text))
    connection.execute(update(change).where(mine, change.c.before.is_not(None)).values(before=text))
    alerting = and_(mine, change.c.silence_reason.is_(None))
    connection.execute(update(change).where(alerting).values(silence_reason="taken_down"))
    connection.execute(delete(held_change).where(held_change.c.question_id == record.id))
    _mask_topic(connection, masked)


#: Columns of a question that are null once it is taken down.
_FORGOTTEN_COLUMNS = (
    "answered_at",
    "not_found_at",
    "doubted_at",
    "doubted_digest",
    "etag",
    "last_modified",
    "thread",
    "capture",
)


def _mask_topic(connection: Connection, masked: Question) -> None:
    """Rename the topic of those who follow a question, and end their subscriptions.

    The address of its feed is made from the title, so it changes as well.
    """
    title, mine = name_question(masked), topic.c.question_id == masked.id
    slug = build_slug(build_topic_key(None, masked.id), title)
    connection.execute(update(topic).where(mine).values(title=title, slug=slug))
    following = subscription.c.topic_id.in_(select(topic.c.id).where(mine))
    ending = update(subscription).where(following)
    connection.execute(ending.values(query=title))
    now = select(takedown.c.taken_down_at).where(takedown.c.question_id == masked.id)
    still = subscription.c.ended_at.is_(None)
    connection.execute(ending.where(still).values(ended_at=now.scalar_subquery()))
    publication.release(
        connection, connection.execute(select(topic.c.id).where(mine)).scalars().all()
    )


def mask_messages(connection: Connection, keys: Collection[int]) -> None:
    """Delete subject and body of messages."""
    for some in iter_parameters(sorted(keys)):
        connection.execute(
            update(message)
            .where(message.c.id.in_(some))
            .values(body=_MASKED_BODY, subject=_MASKED_SUBJECT, sent_log_data=b"")
        )


def list_messages_titled(connection: Connection, title: str) -> Sequence[int]:
    """Return the ids of the finished messages whose subject has a title, as to its followers."""
    wanted = select(message.c.id).where(
        message.c.subject.contains(title, autoescape=True),
        message.c.phase.not_in(UNSENT_PHASES),
    )
    return connection.execute(wanted).scalars().all()
