"""Followed questions: which are overdue, and which are answered and so no longer followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select, update

from alerts.ledger import publication
from alerts.ledger.due_subscriptions import (
    STATE_COLUMNS,
    STATE_TABLES,
    SubscriptionState,
    may_be_sent,
    read_state,
)
from alerts.ledger.records import read_record
from alerts.ledger.schema import question, subscription, topic
from alerts.model import SubscribedTopic
from crawler.records import Question


class OverdueSubscription(msgspec.Struct, frozen=True):
    """A followed question that is overdue, whose follower was not notified yet."""

    subscriber_id: int
    subscription_id: int
    topic: SubscribedTopic
    question: Question
    days_unanswered: int
    since: datetime  #: the beginning of the day, in UTC, on which it became overdue


def list_overdue(
    connection: Connection, subscriber_ids: Sequence[int], today: date
) -> list[tuple[SubscriptionState, OverdueSubscription]]:
    """Return the overdue questions that some subscribers follow, also where no digest is due.

    Args:
        connection: The ledger.
        subscriber_ids: The subscribers.
        today: The date up to which days are counted, in UTC.
    """
    wanted: Select[Any] = (
        select(
            *STATE_COLUMNS,
            subscription.c.query,
            subscription.c.detail,
            subscription.c.note,
            subscription.c.overdue_days,
            question.c.id.label("question_id"),
            question.c.meeting_date,
            question.c.record,
        )
        .select_from(STATE_TABLES)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .join(question, question.c.id == topic.c.question_id)
        .where(
            subscription.c.subscriber_id.in_(subscriber_ids),
            may_be_sent(),
            subscription.c.overdue_days.is_not(None),
            subscription.c.overdue_notified_at.is_(None),
            question.c.status.in_(("unanswered", "holding")),
            question.c.meeting_date < today,
        )
        .order_by(subscription.c.id)
    )
    rows = connection.execute(wanted)
    return [
        (read_state(row), entry)
        for row in rows
        if (entry := _build_overdue(row, today)) is not None
    ]


def _build_overdue(row: Any, today: date) -> OverdueSubscription | None:
    days_unanswered = (today - row.meeting_date).days
    if days_unanswered <= row.overdue_days:
        return None
    record = read_record(row.record, f"question {row.question_id}")
    if record is None:
        return None
    first_day = row.meeting_date + timedelta(days=row.overdue_days + 1)
    return OverdueSubscription(
        subscriber_id=row.subscriber_id,
        subscription_id=row.subscription_id,
        topic=SubscribedTopic(row.query, None, row.detail, row.note),
        question=record,
        days_unanswered=days_unanswered,
        since=datetime.combine(first_day, time(), UTC),
    )


def mark_handled(
    connection: Connection, overdue_ids: Sequence[int], ended_ids: Sequence[int], now: datetime
) -> None:
    """Record that followers are notified that a question is overdue, or that it is answered.

    Args:
        connection: The ledger.
        overdue_ids: Subscriptions whose question is overdue.
        ended_ids: Subscriptions whose question is answered; they end.
        now: The time.
    """
    if overdue_ids:
        telling = update(subscription).where(subscription.c.id.in_(overdue_ids))
        connection.execute(telling.values(overdue_notified_at=now))
    if ended_ids:
        mine = subscription.c.id.in_(ended_ids)
        topics = connection.execute(select(subscription.c.topic_id).where(mine)).scalars().all()
        ending = update(subscription).where(mine)
        connection.execute(ending.values(ended_at=now, is_finished=True))
        publication.release_free(connection, topics)
