"""What is due, found by going through all subscriptions in each round: the oracle of composing.

It is how rounds worked before they knew from what changed whom to look at. Each round records for
each subscription the due time that it is handled for, also where there was nothing to send; a match
that comes later waits for the next due time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from alerts.ledger import notices
from alerts.ledger.question_lookups import list_meeting_days
from alerts.ledger.schema import (
    change,
    digest_item,
    match,
    question,
    subscriber,
    subscription,
    topic,
)
from alerts.model import Frequency, Notice, list_change_kinds
from alerts.schedule import find_last_due

_TOLERANCE = timedelta(minutes=5)


class Expected(msgspec.Struct, frozen=True):
    """What one round is to compose."""

    items: frozenset[tuple[int, int]]  #: subscription, number of the change
    reminders: frozenset[int]  #: subscriptions
    notices: frozenset[tuple[int, int]]  #: subscriber, notice


class FullScan:
    """The due times that subscriptions are handled for."""

    def __init__(self) -> None:
        self._sent: dict[int, datetime] = {}  #: by subscription: for which it was sent a digest
        self._empty: dict[int, datetime] = {}  #: for which it had nothing

    def run_round(self, connection: Connection, now: datetime) -> Expected:
        """Return what is due now, before it is composed, and record it as handled."""
        meetings = tuple(list_meeting_days(connection, now.date()))
        rows = self._list_rows(connection)
        digests: dict[int, tuple[set[tuple[int, int]], set[int], set[str]]] = {}
        unserved: set[int] = set()
        passed: dict[int, datetime] = {}
        for row in rows:
            frequency = Frequency(row.frequency)
            due = find_last_due(frequency, now, row.zone, row.hour, meetings=meetings)
            pending = self._list_pending(connection, row)
            is_due = self._is_due(row, due, now)
            may_be_sent = row.suspended_at is None and not (
                row.paused_until is not None and row.paused_until > due
            )
            if is_due and may_be_sent:
                unserved.add(row.subscriber_id)
                items, reminders, shown = digests.setdefault(
                    row.subscriber_id, (set(), set(), set())
                )
                items |= {(row.id, seq) for seq, _ in pending}
                shown |= {question_id for _, question_id in pending}
                if self._is_overdue(connection, row, now):
                    reminders.add(row.id)
                if pending:
                    self._sent[row.id] = due
            if not frequency.is_immediate and not pending and self._get_last(row) and is_due:
                passed[row.id] = due
        for key, due in passed.items():
            self._empty[key] = due
        return self._sum_up(connection, rows, digests, unserved, now)

    def _sum_up(
        self,
        connection: Connection,
        rows: Iterable[Row[Any]],
        digests: dict[int, tuple[set[tuple[int, int]], set[int], set[str]]],
        unserved: set[int],
        now: datetime,
    ) -> Expected:
        followed = {row.id: row.question_id for row in rows}
        items: set[tuple[int, int]] = set()
        reminded: set[int] = set()
        waiting = set()
        for person, (some, reminders, shown) in digests.items():
            items |= some
            reminded |= {key for key in reminders if followed[key] not in shown}
            if some or reminders:
                waiting.add(person)
        for row in rows:
            if row.id in reminded:
                self._sent[row.id] = find_last_due(
                    Frequency(row.frequency), now, row.zone, row.hour
                )
        unsent: dict[int, list[Notice]] = notices.list_unsent(
            connection, [row.subscriber_id for row in rows]
        )
        given = {
            (person, notice.id)
            for person, some in unsent.items()
            if person in waiting or person in unserved
            for notice in some
        }
        return Expected(frozenset(items), frozenset(reminded), frozenset(given))

    def _list_rows(self, connection: Connection) -> list[Row[Any]]:
        wanted = (
            select(
                subscription,
                subscriber.c.zone,
                subscriber.c.hour,
                subscriber.c.suspended_at,
                subscriber.c.paused_until,
                topic.c.question_id,
            )
            .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
            .join(topic, topic.c.id == subscription.c.topic_id)
            .where(subscription.c.ended_at.is_(None), subscription.c.paused_at.is_(None))
            .order_by(subscription.c.id)
        )
        return list(connection.execute(wanted))

    def _get_last(self, row: Row[Any]) -> datetime | None:
        """Return the last due time that a subscription is handled for; None if it was sent none.

        The ledger forgets it where a subscription starts again.
        """
        if row.last_due_at is None:
            self._sent.pop(row.id, None)
            self._empty.pop(row.id, None)
            return None
        return max(self._sent[row.id], self._empty.get(row.id, self._sent[row.id]))

    def _is_due(self, row: Row[Any], due: datetime, now: datetime) -> bool:
        last = self._get_last(row)
        return last is None or last < due or last > now + _TOLERANCE

    def _list_pending(self, connection: Connection, row: Row[Any]) -> list[tuple[int, str]]:
        digested = select(digest_item.c.change_seq).where(digest_item.c.subscription_id == row.id)
        wanted = (
            select(change.c.seq, change.c.question_id)
            .join(match, match.c.change_seq == change.c.seq)
            .where(
                match.c.topic_id == row.topic_id,
                change.c.seq > row.sent_up_to,
                change.c.silence_reason.is_(None),
                change.c.kind.in_(list_change_kinds(row.updates)),
            )
        )
        if row.is_rewound:
            wanted = wanted.where(change.c.seq.not_in(digested))
        return [(seq, question_id) for seq, question_id in connection.execute(wanted)]

    def _is_overdue(self, connection: Connection, row: Row[Any], now: datetime) -> bool:
        if row.overdue_days is None or row.overdue_notified_at is not None:
            return False
        wanted = select(question.c.status, question.c.meeting_date).where(
            question.c.id == row.question_id
        )
        status, day = connection.execute(wanted).one()
        is_open = status in ("unanswered", "holding")
        return is_open and (now.date() - day).days > row.overdue_days
