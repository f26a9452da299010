"""A subscriber's next digest: when it is due, and what is in it so far. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.digests.digest import Digest, build_digest
from alerts.digests.entries import (
    DigestMatch,
    OverdueQuestion,
    group_by_question,
    outline_entry,
    outline_overdue_entry,
)
from alerts.digests.pending_items import DueTimes, PendingItems, collect_pending
from alerts.digests.schedule import find_last_due, find_next_due
from alerts.ledger import changes, due_subscriptions, notices, subscriptions
from alerts.ledger.due_subscriptions import DigestGroup
from alerts.ledger.question_lookups import list_meeting_days
from alerts.model import DayAfterMeeting, Frequency, Subscriber


class NextDigest(msgspec.Struct, frozen=True):
    """When a subscriber's next digest is due, and what it would hold if it were sent now."""

    due: datetime | None
    """In UTC; None where none can be named: no alert runs, or all are immediate."""
    is_due_now: bool  #: it is sent within minutes
    questions: int  #: so far
    later: datetime | None  #: the next due time that can be named, if this one is due now
    #: By the id of each alert: how many questions wait for its own next digest.
    waiting: Mapping[int, int]
    digest: Digest | None = None  #: what is in it so far, if asked for


def find_next_digest(
    connection: Connection,
    subscriber: Subscriber,
    now: datetime,
    batch_interval: timedelta = timedelta(),
    *,
    loads_digest: bool = False,
) -> NextDigest:
    """Return a subscriber's next digest.

    Args:
        connection: The ledger.
        subscriber: Whose digest it is.
        now: The time.
        batch_interval: How long immediate digests wait after the last one.
        loads_digest: Whether what is in it is asked for.
    """
    alerts = subscriptions.list_active(connection, subscriber.id)
    names = {alert.frequency for alert in alerts if alert.paused_at is None}
    running = {one for one in Frequency if one in names}  # a damaged row may have any other text
    calendar = _Calendar.load(connection, subscriber, running, now, batch_interval)
    waiting = _count_waiting(connection, calendar, running)
    soon = calendar.collect(connection, running, now)
    due_times = [due for one in running if (due := calendar.find_next(one)) is not None]
    first = min(due_times, default=None)
    due = now if soon is not None else first
    then = soon
    if soon is None and due is not None:
        then = calendar.collect(connection, running, due)
    return NextDigest(
        due=due,
        is_due_now=soon is not None,
        questions=_count_questions(connection, then) if then else 0,
        later=first if soon is not None else None,
        waiting=waiting,
        digest=_load_digest(connection, then) if then and loads_digest else None,
    )


class _Calendar(msgspec.Struct, frozen=True):
    """The due times of one subscriber."""

    subscriber: Subscriber
    now: datetime
    batch_interval: timedelta
    meetings: tuple[date, ...]  #: that `DayAfterMeeting` follows, if any alert does

    @classmethod
    def load(
        cls,
        connection: Connection,
        subscriber: Subscriber,
        running: Iterable[Frequency],
        now: datetime,
        batch_interval: timedelta,
    ) -> _Calendar:
        """Return the due times of a subscriber whose alerts have these frequencies."""
        follows = any(isinstance(one.info.rule, DayAfterMeeting) for one in running)
        meetings = list_meeting_days(connection, now.date()) if follows else []
        return cls(subscriber, now, batch_interval, tuple(meetings))

    def find_next(self, frequency: Frequency) -> datetime | None:
        """Return the first due time after now."""
        person = self.subscriber
        return find_next_due(frequency, self.now, person.zone, person.hour, self.meetings)

    def list_groups(
        self, frequencies: Iterable[Frequency], moment: datetime
    ) -> dict[DigestGroup, datetime]:
        """Return the due times that count at a moment."""
        zone, hour = self.subscriber.zone, self.subscriber.hour
        return {
            DigestGroup(one, zone, hour): find_last_due(
                one, moment, zone, hour, self.batch_interval, self.meetings
            )
            for one in frequencies
        }

    def collect(
        self, connection: Connection, frequencies: Iterable[Frequency], moment: datetime
    ) -> PendingItems | None:
        """Return what would be sent at a moment, of what is known now; None for nothing."""
        groups = self.list_groups(frequencies, moment)
        given = notices.list_unsent(connection).get(self.subscriber.id, ())
        due_times = DueTimes(groups, {self.subscriber.id: given}, moment)
        found = collect_pending(connection, [self.subscriber.id], due_times)
        return next((one for one in found if one.matches or one.reminders), None)


def _count_waiting(
    connection: Connection, calendar: _Calendar, frequencies: Iterable[Frequency]
) -> dict[int, int]:
    """Return how many questions wait for the next digest of each alert."""
    seqs: dict[int, list[int]] = {}
    for one in frequencies:
        moment = calendar.find_next(one) or calendar.now
        for group, due in calendar.list_groups([one], moment).items():
            pending = due_subscriptions.list_pending(
                connection, group, due, moment, [calendar.subscriber.id]
            )
            for match in pending:
                seqs.setdefault(match.subscription_id, []).append(match.change_seq)
    questions = changes.list_question_ids(connection, {n for some in seqs.values() for n in some})
    return {key: len({questions[n] for n in some}) for key, some in seqs.items()}


def _count_questions(connection: Connection, pending: PendingItems) -> int:
    numbers = {item.match.change_seq for item in pending.matches}
    found = set(changes.list_question_ids(connection, numbers).values())
    return len(found | {one.overdue.question.id for one in pending.reminders})


def _load_digest(connection: Connection, pending: PendingItems) -> Digest:
    """Return the digest that some pending items would become. Nothing is marked as sent."""
    found = changes.get(connection, sorted({item.match.change_seq for item in pending.matches}))
    matches = [
        DigestMatch(item.match.topic, found[item.match.change_seq], item.match.subscription_id)
        for item in pending.matches
        if item.match.change_seq in found
    ]
    outlines = [outline_entry(group) for group in group_by_question(matches).values()]
    shown = {outline.question.id for outline in outlines}
    reminders = [one.overdue for one in pending.reminders if one.overdue.question.id not in shown]
    outlines += [
        outline_overdue_entry(
            OverdueQuestion(one.topic, one.question, one.days_unanswered, one.subscription_id)
        )
        for one in reminders
    ]
    return build_digest(outlines, pending.notices, pending.damaged_queries)
