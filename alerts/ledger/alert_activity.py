"""What alerts bring: how many questions their topics match, and when they were last sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from alerts.ledger.inserts import iter_parameters
from alerts.ledger.schema import (
    change,
    digest_item,
    match,
    message,
    question,
    subscription,
    topic,
)


def count_questions_since(
    connection: Connection, topic_ids: Sequence[int], day: date
) -> dict[int, int]:
    """Return how many questions of meetings after a day each topic matches.

    A topic that is new and was not yet matched with the whole archive is left out.

    Args:
        connection: The ledger.
        topic_ids: The topics.
        day: Only questions of later days.
    """
    found: dict[int, int] = {}
    for some in iter_parameters(topic_ids):
        caught_up = select(topic.c.id).where(topic.c.id.in_(some), topic.c.is_caught_up)
        found |= dict.fromkeys(connection.execute(caught_up).scalars(), 0)
        rows = connection.execute(
            select(match.c.topic_id, func.count(change.c.question_id.distinct()).label("number"))
            .join(change, change.c.seq == match.c.change_seq)
            .join(question, question.c.id == change.c.question_id)
            .where(match.c.topic_id.in_(some), question.c.meeting_date > day)
            .group_by(match.c.topic_id)
        )
        found |= {row.topic_id: row.number for row in rows if row.topic_id in found}
    return found


def find_last_sent(connection: Connection, subscriber_id: int) -> dict[int, datetime]:
    """Return when a subscriber's alerts were last in a digest that was sent, by their ids."""
    rows = connection.execute(
        select(digest_item.c.subscription_id, func.max(message.c.sent_at).label("sent_at"))
        .join(message, message.c.id == digest_item.c.message_id)
        .join(subscription, subscription.c.id == digest_item.c.subscription_id)
        .where(subscription.c.subscriber_id == subscriber_id, message.c.sent_at.is_not(None))
        .group_by(digest_item.c.subscription_id)
    )
    return {row.subscription_id: row.sent_at for row in rows}
