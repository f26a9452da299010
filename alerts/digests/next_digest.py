"""A subscriber's next digest: when it is due, and what is in it so far. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

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
from alerts.digests.pending_items import PendingItems, look_at
from alerts.ledger import changes, due_subscriptions, subscriptions
from alerts.ledger.due_calendar import DueCalendar
from alerts.ledger.question_lookups import list_meeting_days
from alerts.model import DayAfterMeeting, Frequency, Subscriber
from alerts.schedule import find_next_due


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
    due_times = _DueTimes.load(connection, subscriber, running, now)
    waiting = _count_waiting(connection, subscriber.id, due_times, batch_interval)
    soon = _collect(connection, subscriber.id, DueCalendar(now, batch_interval))
    first = min(due_times.by_frequency.values(), default=None)
    due = now if soon is not None else first
    then = soon
    if soon is None and due is not None:
        then = _collect(connection, subscriber.id, DueCalendar(due, batch_interval))
    return NextDigest(
        due=due,
        is_due_now=soon is not None,
        questions=_count_questions(connection, then) if then else 0,
        later=first if soon is not None else None,
        waiting=waiting,
        digest=_load_digest(connection, then) if then and loads_digest else None,
    )


class _DueTimes(msgspec.Struct, frozen=True):
    """The first due times of one subscriber after now."""

    now: datetime
    by_frequency: Mapping[Frequency, datetime]  #: without those of which no time can be named

    @classmethod
    def load(
        cls,
        connection: Connection,
        subscriber: Subscriber,
        running: Iterable[Frequency],
        now: datetime,
    ) -> _DueTimes:
        """Return the due times of a subscriber whose alerts have these frequencies."""
        follows = any(isinstance(one.info.rule, DayAfterMeeting) for one in running)
        meetings = tuple(list_meeting_days(connection, now.date())) if follows else ()
        found = {
            one: find_next_due(one, now, subscriber.zone, subscriber.hour, meetings)
            for one in running
        }
        return cls(now, {one: due for one, due in found.items() if due is not None})


def _collect(
    connection: Connection, subscriber_id: int, calendar: DueCalendar
) -> PendingItems | None:
    """Return what would be sent at a moment, of what is known now; None for nothing."""
    found = look_at(connection, [subscriber_id], calendar).pending
    return next((one for one in found if one.matches or one.reminders), None)


def _count_waiting(
    connection: Connection,
    subscriber_id: int,
    due_times: _DueTimes,
    batch_interval: timedelta,
) -> dict[int, int]:
    """Return how many questions wait for the next digest of each alert."""
    calendars: dict[datetime, DueCalendar] = {}
    seqs: dict[int, list[int]] = {}
    for state, match in due_subscriptions.list_pending(connection, [subscriber_id]):
        moment = due_times.by_frequency.get(state.group.frequency, due_times.now)
        calendar = calendars.setdefault(moment, DueCalendar(moment, batch_interval))
        if state.is_due(calendar.get_due(connection, state.group).due, moment):
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
