"""What is pending at one time: who is due, and what each of them has not been sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import (
    alarms,
    due_subscriptions,
    followed_questions,
    notices,
    subscriptions,
)
from alerts.ledger.due_calendar import DueCalendar
from alerts.ledger.due_subscriptions import PendingMatch, SubscriptionState
from alerts.ledger.followed_questions import OverdueSubscription
from alerts.model import Frequency, Notice, Subscriber
from alerts.queries import is_readable


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


class Look(msgspec.Struct, frozen=True):
    """What was found when it was looked at what subscribers are to be sent."""

    pending: tuple[PendingItems, ...]  #: of those to whom something is due
    next_looks: Mapping[int, datetime | None]
    """By the subscriber's id: when something else is due; None where nothing waits."""
    early: frozenset[int]  #: subscribers with a match of a later change than was asked for


class _Sorter:
    """Sorts what some subscribers were not sent into what is due now, and what waits."""

    def __init__(self, connection: Connection, calendar: DueCalendar) -> None:
        self._connection = connection
        self._calendar = calendar
        self._firsts: dict[int, bool] = {}  #: by subscription: whether its matches are due
        self.matches: dict[int, list[DueMatch]] = {}
        self.reminders: dict[int, list[DueReminder]] = {}
        self.due_notices: set[int] = set()  #: subscribers who are due for one
        self.next_looks: dict[int, datetime] = {}

    def add_match(self, state: SubscriptionState, match: PendingMatch) -> None:
        """Add a match; those of one subscription in the order of their changes.

        If the first one was recorded before the due time was over, all of them are due.
        """
        due_time = self._calendar.get_due(self._connection, state.group)
        if state.subscription_id not in self._firsts:
            last = due_time.round
            is_in_time = last is None or match.change_seq <= last.newest_seq
            self._firsts[state.subscription_id] = self._is_due(state, is_in_time=is_in_time)
        if not self._firsts[state.subscription_id]:
            self._wait(state)
            return
        item = DueMatch(match, due_time.due, state.group.frequency)
        self.matches.setdefault(state.subscriber_id, []).append(item)

    def add_reminder(self, state: SubscriptionState, overdue: OverdueSubscription) -> None:
        """Add a reminder of an overdue question."""
        if not self._is_due_since(state, overdue.since):
            self._wait(state)
            return
        due = self._calendar.get_due(self._connection, state.group).due
        item = DueReminder(overdue, due, state.group.frequency)
        self.reminders.setdefault(state.subscriber_id, []).append(item)

    def add_notices(self, state: SubscriptionState, unsent: Sequence[Notice]) -> None:
        """Add the notices that a subscriber was not sent, for one of their subscriptions."""
        if any(self._is_due_since(state, notice.created_at) for notice in unsent):
            self.due_notices.add(state.subscriber_id)
        else:
            self._wait(state)

    def _is_due_since(self, state: SubscriptionState, moment: datetime) -> bool:
        """Return whether what came up at a moment is due now."""
        last = self._calendar.get_due(self._connection, state.group).round
        return self._is_due(state, is_in_time=last is None or moment <= last.moment)

    def _is_due(self, state: SubscriptionState, *, is_in_time: bool) -> bool:
        """Return whether something is due that came up before the due time was over, or after."""
        due = self._calendar.get_due(self._connection, state.group).due
        is_exact = state.is_settled or state.last_due_at is None
        return state.is_due(due, self._calendar.now) and (is_exact or is_in_time)

    def _wait(self, state: SubscriptionState) -> None:
        look = self._calendar.find_next_look(self._connection, state)
        known = self.next_looks.get(state.subscriber_id, look)
        self.next_looks[state.subscriber_id] = min(known, look)


def look_at(
    connection: Connection,
    subscriber_ids: Sequence[int],
    calendar: DueCalendar,
    up_to: int | None = None,
) -> Look:
    """Find out what some subscribers are to be sent, and when to look at them again.

    Args:
        connection: The ledger.
        subscriber_ids: The subscribers.
        calendar: The due times of now.
        up_to: Leave out subscribers with a match of a change after this number; None for nobody.
    """
    sorter = _Sorter(connection, calendar)
    found = due_subscriptions.list_pending(connection, subscriber_ids)
    early = frozenset(
        m.subscriber_id for _, m in found if up_to is not None and m.change_seq > up_to
    )
    subscriber_ids = [key for key in subscriber_ids if key not in early]
    for state, match in found:
        if match.subscriber_id not in early:
            sorter.add_match(state, match)
    overdue = followed_questions.list_overdue(connection, subscriber_ids, calendar.now.date())
    for state, one in overdue:
        sorter.add_reminder(state, one)
    unsent = notices.list_unsent(connection, subscriber_ids)
    if unsent:  # on most days there are none, and this query is saved
        for state in due_subscriptions.list_states(connection, sorted(unsent)):
            sorter.add_notices(state, unsent[state.subscriber_id])
    looks = {key: sorter.next_looks.get(key) for key in subscriber_ids}
    return Look(tuple(_collect(connection, subscriber_ids, sorter, unsent)), looks, early)


def _collect(
    connection: Connection,
    subscriber_ids: Sequence[int],
    sorter: _Sorter,
    unsent: Mapping[int, Sequence[Notice]],
) -> Iterator[PendingItems]:
    """Yield what each of some subscribers is to be sent, leaving out those with nothing."""
    due = {*sorter.matches, *sorter.reminders, *sorter.due_notices}
    people = {p.id: p for p in subscriptions.get_subscribers(connection, sorted(due))}
    has_damaged = bool(due) and any(a.kind == "topics" for a in alarms.list_open(connection))
    for key in subscriber_ids:
        if key not in people:
            continue
        yield PendingItems(
            people[key],
            tuple(sorted(sorter.matches.get(key, ()), key=_order_match)),
            tuple(sorted(sorter.reminders.get(key, ()), key=_order_reminder)),
            tuple(unsent.get(key, ())),
            _list_damaged_queries(connection, key) if has_damaged else (),
        )


def _order_match(item: DueMatch) -> tuple[str, int, int]:
    return item.frequency, item.match.change_seq, item.match.subscription_id


def _order_reminder(item: DueReminder) -> tuple[str, int]:
    return item.frequency, item.overdue.subscription_id


def _list_damaged_queries(connection: Connection, subscriber_id: int) -> tuple[str, ...]:
    """Return a subscriber's queries, as typed, whose canonical forms cannot be read."""
    mine = subscriptions.list_active(connection, subscriber_id)
    return tuple(
        one.query for one in mine if one.canonical is not None and not is_readable(one.canonical)
    )
