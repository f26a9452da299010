"""Followed questions: which are overdue, and which are answered and so no longer followed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from alerts.ledger import publication
from alerts.ledger.due_subscriptions import DigestGroup, is_due
from alerts.ledger.records import read_record
from alerts.ledger.schema import question, subscriber, subscription, topic
from alerts.model import SubscribedTopic
from crawler.records import Question


class OverdueSubscription(msgspec.Struct, frozen=True):
    """A followed question that is overdue, whose follower was not notified yet."""

    subscriber_id: int
    subscription_id: int
    topic: SubscribedTopic
    question: Question
    days_unanswered: int


def list_overdue(
    connection: Connection,
    group: DigestGroup,
    due: datetime,
    now: datetime,
    subscriber_ids: Sequence[int] | None = None,
) -> list[OverdueSubscription]:
    """Return the overdue questions that due subscribers follow.

    Args:
        connection: The ledger.
        group: The group that is due.
        due: Its due time.
        now: The time; days are counted up to its date.
        subscriber_ids: Only what these subscribers follow; None for all.
    """
    today = now.date()
    wanted = (
        select(
            subscription.c.subscriber_id,
            subscription.c.id,
            subscription.c.query,
            subscription.c.detail,
            subscription.c.note,
            subscription.c.overdue_days,
            question.c.id.label("question_id"),
            question.c.meeting_date,
            question.c.record,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(topic, topic.c.id == subscription.c.topic_id)
        .join(question, question.c.id == topic.c.question_id)
        .where(
            subscriber.c.zone == group.zone,
            subscriber.c.hour == group.hour,
            is_due(group, due, now),
            subscription.c.overdue_days.is_not(None),
            subscription.c.overdue_notified_at.is_(None),
            question.c.status.in_(("unanswered", "holding")),
            question.c.meeting_date < today,
        )
        .order_by(subscription.c.id)
    )
    if subscriber_ids is not None:
        wanted = wanted.where(subscription.c.subscriber_id.in_(subscriber_ids))
    rows = connection.execute(wanted)
    return [entry for row in rows if (entry := _build_overdue(row, today)) is not None]


def _build_overdue(row: Any, today: date) -> OverdueSubscription | None:
    days_unanswered = (today - row.meeting_date).days
    if days_unanswered <= row.overdue_days:
        return None
    record = read_record(row.record, f"question {row.question_id}")
    if record is None:
        return None
    return OverdueSubscription(
        subscriber_id=row.subscriber_id,
        subscription_id=row.id,
        topic=SubscribedTopic(row.query, None, row.detail, row.note),
        question=record,
        days_unanswered=days_unanswered,
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
        publication.release(connection, topics)
