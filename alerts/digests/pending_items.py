"""What is pending at one time: who is due, and what each of them has not been sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

import msgspec
from sqlalchemy import Connection

from alerts.digests.schedule import find_last_due
from alerts.ledger import alarms, due_subscriptions, followed_questions, notices, subscriptions
from alerts.ledger.due_subscriptions import DigestGroup, PendingMatch
from alerts.ledger.followed_questions import OverdueSubscription
from alerts.ledger.question_lookups import list_meeting_days
from alerts.model import DayAfterMeeting, Frequency, Notice, Subscriber
from alerts.queries import is_readable


class DueTimes(msgspec.Struct, frozen=True):
    """The newest due time of each group of subscribers, and the notices that are not sent yet."""

    by_group: Mapping[DigestGroup, datetime]
    notices: Mapping[int, Sequence[Notice]]  #: by the subscriber's id
    now: datetime
    has_damaged_topics: bool = False  #: whether the alarm about them is open


class DueMatch(msgspec.Struct, frozen=True):
    """A match that a subscriber has not been sent, and the due time that it is sent for."""

    match: PendingMatch
    due: datetime
    frequency: Frequency

    @property
    def key(self) -> tuple[int, int]:
        """The subscription and the change: what one item of a digest is known by."""
        return self.match.subscription_id, self.match.change_seq


class DueReminder(msgspec.Struct, frozen=True):
    """An overdue question that its follower has not been reminded of, and the due time."""

    overdue: OverdueSubscription
    due: datetime
    frequency: Frequency


class PendingItems(msgspec.Struct, frozen=True):
    """All that one subscriber is to be sent, at all the frequencies that are due."""

    subscriber: Subscriber
    matches: tuple[DueMatch, ...]
    reminders: tuple[DueReminder, ...]
    notices: tuple[Notice, ...]
    #: The subscriber's queries that find nothing, because their canonical forms are damaged.
    damaged_queries: tuple[str, ...] = ()


def find_due_times(
    connection: Connection, now: datetime, batch_interval: timedelta = timedelta()
) -> DueTimes:
    """Return which group of subscribers is due for which time at ``now``."""
    groups = due_subscriptions.list_groups(connection)
    # Only few follow meetings, and their days are looked up among all questions.
    follows_meetings = any(isinstance(g.frequency.info.rule, DayAfterMeeting) for g in groups)
    meetings = list_meeting_days(connection, now.date()) if follows_meetings else ()
    by_group = {
        group: find_last_due(
            group.frequency,
            now,
            zone=group.zone,
            hour=group.hour,
            batch_interval=batch_interval,
            meetings=meetings,
        )
        for group in groups
    }
    is_damaged = any(alarm.kind == "topics" for alarm in alarms.list_open(connection))
    return DueTimes(by_group, notices.list_unsent(connection), now, is_damaged)


def list_waiting_subscribers(connection: Connection, due_times: DueTimes) -> list[int]:
    """Return the ids of subscribers with anything pending; those of one zone and hour together."""
    waiting: dict[int, None] = {}
    groups = sorted(due_times.by_group.items(), key=lambda item: item[0].zone_and_hour)
    for group, due in groups:
        waiting |= dict.fromkeys(
            due_subscriptions.list_with_pending(connection, group, due, due_times.now)
        )
        overdue = followed_questions.list_overdue(connection, group, due, due_times.now)
        waiting |= dict.fromkeys(one.subscriber_id for one in overdue)
    if due_times.notices:  # on most days there are none, and this query is saved
        unserved = chain.from_iterable(
            due_subscriptions.list_due_subscribers(connection, group, due, due_times.now)
            for group, due in groups
        )
        waiting |= dict.fromkeys(sorted(due_times.notices.keys() & set(unserved)))
    return list(waiting)


def collect_pending(
    connection: Connection, subscriber_ids: Sequence[int], due_times: DueTimes
) -> Iterator[PendingItems]:
    """Yield what each of some subscribers is to be sent, leaving out those with nothing."""
    people = {p.id: p for p in subscriptions.get_subscribers(connection, subscriber_ids)}
    zones_and_hours = {(person.zone, person.hour) for person in people.values()}
    matches: dict[int, list[DueMatch]] = {}
    reminders: dict[int, list[DueReminder]] = {}
    for group, due in due_times.by_group.items():
        if group.zone_and_hour not in zones_and_hours:
            continue
        for match in due_subscriptions.list_pending(
            connection, group, due, due_times.now, subscriber_ids
        ):
            matches.setdefault(match.subscriber_id, []).append(
                DueMatch(match, due, group.frequency)
            )
        for overdue in followed_questions.list_overdue(
            connection, group, due, due_times.now, subscriber_ids
        ):
            reminders.setdefault(overdue.subscriber_id, []).append(
                DueReminder(overdue, due, group.frequency)
            )
    for key in subscriber_ids:
        pending = PendingItems(
            people[key],
            tuple(matches.get(key, ())),
            tuple(reminders.get(key, ())),
            tuple(due_times.notices.get(key, ())),
            _list_damaged_queries(connection, key) if due_times.has_damaged_topics else (),
        )
        if pending.matches or pending.reminders or pending.notices:
            yield pending


def _list_damaged_queries(connection: Connection, subscriber_id: int) -> tuple[str, ...]:
    """Return a subscriber's queries, as typed, whose canonical forms cannot be read."""
    mine = subscriptions.list_active(connection, subscriber_id)
    return tuple(
        one.query for one in mine if one.canonical is not None and not is_readable(one.canonical)
    )
