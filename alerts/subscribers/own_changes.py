"""What subscribers change themselves, and how they undo it for a day.

Each change is recorded with what was before it (:mod:`alerts.ledger.undo_records`). Undoing brings
that back: nothing is sent twice, and what happened in the meantime is sent. Of several changes of
one alert, the newest is undone first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, deliveries, publication, subscriptions, topics, undo_records
from alerts.ledger.subscriptions import Subscription, SubscriptionEdit
from alerts.ledger.undo_records import (
    FormerState,
    FormerSubscription,
    UndoableAction,
    UndoRecord,
)
from alerts.model import Frequency, Subscriber
from alerts.subscribers.preferences import change_query
from alerts.subscribers.quotation import check_query_of_visitor
from alerts.subscribers.undo import MAX_WAIT, UNDO_PERIOD

#: How long "pause for a month" lasts.
MONTH_PAUSE = timedelta(days=30)


class UndoableChange(msgspec.Struct, frozen=True):
    """A change that a subscriber can undo."""

    id: int
    action: UndoableAction
    queries: tuple[str, ...]  #: of the alerts that it changed, as the subscriber has them now
    subscription_ids: tuple[int, ...]
    done_at: datetime

    @property
    def until(self) -> datetime:
        """From when on it cannot be undone any more."""
        return self.done_at + UNDO_PERIOD


def end_alerts(
    connection: Connection, subscriber_id: int, topic_id: int | None, now: datetime
) -> bool:
    """End one alert of a subscriber, or all (None); return False where there is none."""
    former = undo_records.load_former(connection, subscriber_id, topic_id)
    ended = subscriptions.unsubscribe(connection, subscriber_id, now, topic_id)
    if former:
        _record(connection, subscriber_id, "unsubscribe", former, now)
    return ended > 0


def pause_alert(
    connection: Connection,
    subscriber_id: int,
    topic_id: int,
    now: datetime,
    length: timedelta | None = None,
) -> bool:
    """Pause one alert, for a time or until it is resumed (None); return False if that is so."""
    former = undo_records.load_former(connection, subscriber_id, topic_id)
    end = now + length if length is not None else None
    if not subscriptions.pause(connection, subscriber_id, topic_id, now, end):
        return False
    _record(connection, subscriber_id, "pause", former, now)
    return True


def resume_alert(connection: Connection, subscriber_id: int, topic_id: int, now: datetime) -> bool:
    """Resume one alert; what happened while it was paused is not sent. Return False if it runs."""
    former = undo_records.load_former(connection, subscriber_id, topic_id)
    newest = changes.get_newest_seq(connection)
    if not subscriptions.resume(connection, subscriber_id, topic_id, newest):
        return False
    _record(connection, subscriber_id, "resume", former, now)
    return True


def set_frequency(
    connection: Connection, alert: Subscription, frequency: Frequency, now: datetime
) -> None:
    """Change how often an alert is sent, and nothing else."""
    edit = SubscriptionEdit(frequency, alert.updates, alert.detail, alert.note)
    edit_alert(connection, alert, edit, None, now)


def edit_alert(
    connection: Connection,
    alert: Subscription,
    edit: SubscriptionEdit,
    query: str | None,
    now: datetime,
) -> bool:
    """Change the options of an alert, and its query (None: as it is).

    Returns:
        False where the subscriber has another alert for the new query: nothing is changed then.

    Raises:
        QueryError: The query cannot be read, or holds contact details; nothing is changed.
    """
    former = undo_records.load_former(connection, alert.subscriber_id, alert.topic_id)
    topic_id: int | None = alert.topic_id
    if query is not None:
        check_query_of_visitor(query)
        topic_id = change_query(connection, alert, query, now)
    if topic_id is None:
        return False
    subscriptions.edit(connection, alert.subscriber_id, topic_id, edit)
    after = undo_records.load_former(connection, alert.subscriber_id, topic_id)
    if after != former:
        is_replaced = topic_id != alert.topic_id
        replaced = {former[0].id: after[0].id} if is_replaced else {}
        _record(connection, alert.subscriber_id, "edit", former, now, replaced)
    return True


def set_schedule(
    connection: Connection, subscriber: Subscriber, zone: str, hour: int, now: datetime
) -> None:
    """Set the time zone and hour of a subscriber's digests."""
    if (zone, hour) == (subscriber.zone, subscriber.hour):
        return
    subscriptions.set_digest_time(connection, subscriber.id, zone, hour)
    former = FormerState(zone=subscriber.zone, hour=subscriber.hour)
    undo_records.add(connection, subscriber.id, "schedule", former, now)


def _record(
    connection: Connection,
    subscriber_id: int,
    action: UndoableAction,
    former: tuple[FormerSubscription, ...],
    now: datetime,
    replaced_by: dict[int, int] | None = None,
) -> None:
    state = FormerState(former, replaced_by or {})
    undo_records.add(connection, subscriber_id, action, state, now)


def list_undoable(
    connection: Connection, subscriber_id: int, now: datetime
) -> list[UndoableChange]:
    """Return what a subscriber changed in the last day and can undo now, newest first.

    Left out is what a later change of the same alert, or a new sign-up, stands on.
    """
    records = undo_records.list_since(connection, subscriber_id, now - UNDO_PERIOD)
    known = undo_records.load_by_ids(connection, {key for one in records for key in one.touched})
    found: list[UndoableChange] = []
    taken: set[int | None] = set()  # None stands for the schedule
    for record in records:
        touched: frozenset[int | None] = record.touched or frozenset((None,))
        if not touched & taken and _is_as_left(record, known):
            found.append(_describe(record, known))
        taken |= touched
    return found


def _is_as_left(record: UndoRecord, known: dict[int, FormerSubscription]) -> bool:
    """Return whether the alerts are still what a change made of them."""
    if not record.touched <= known.keys():
        return False
    replaced_by = record.former.replaced_by
    now_there = [known[replaced_by.get(one.id, one.id)] for one in record.former.subscriptions]
    if record.action == "unsubscribe":
        return all(one.ended_at == record.done_at for one in now_there)
    is_paused = {"pause": True, "resume": False}.get(record.action)
    return all(
        one.ended_at is None and is_paused in (None, one.paused_at is not None) for one in now_there
    )


def _describe(record: UndoRecord, known: dict[int, FormerSubscription]) -> UndoableChange:
    replaced_by = record.former.replaced_by
    now_there = [known[replaced_by.get(one.id, one.id)] for one in record.former.subscriptions]
    return UndoableChange(
        id=record.id,
        action=record.action,
        queries=tuple(one.query for one in now_there),
        subscription_ids=tuple(one.id for one in now_there),
        done_at=record.done_at,
    )


def undo_change(
    connection: Connection, subscriber: Subscriber, change_id: int, now: datetime
) -> UndoableChange | None:
    """Undo a change; return what it was, None if it cannot be undone (any more).

    Args:
        connection: A writing connection to the ledger.
        subscriber: Whose change it is.
        change_id: The id of an :class:`UndoableChange`.
        now: The time.
    """
    undoable = list_undoable(connection, subscriber.id, now)
    change = next((one for one in undoable if one.id == change_id), None)
    if change is None:
        return None
    since = now - UNDO_PERIOD
    records = undo_records.list_since(connection, subscriber.id, since)
    record = next(one for one in records if one.id == change_id)
    for former in record.former.subscriptions:
        _bring_back(connection, record, former, now)
    if record.former.zone is not None and record.former.hour is not None:
        zone, hour = record.former.zone, record.former.hour
        subscriptions.set_digest_time(connection, subscriber.id, zone, hour)
    undo_records.delete_one(connection, record.id)
    if record.action in ("unsubscribe", "pause"):
        deliveries.requeue_unsent(connection, subscriber.email, record.done_at - MAX_WAIT, now)
    return change


def _bring_back(
    connection: Connection, record: UndoRecord, former: FormerSubscription, now: datetime
) -> None:
    """Make an alert what it was, with what it was sent since."""
    new_id = record.former.replaced_by.get(former.id)
    known = undo_records.load_by_ids(connection, filter(None, (former.id, new_id)))
    wants_more = record.action == "edit" and known[former.id].updates != former.updates
    undo_records.restore_former(connection, former, rewinds=wants_more)
    if new_id is not None:
        undo_records.carry_over(connection, new_id, former.id)
        new_topic_id = known[new_id].topic_id
        subscriptions.unsubscribe(connection, record.subscriber_id, now, new_topic_id)
    topics.revive(connection, former.topic_id, now)
    publication.publish_named(connection, former.topic_id, former.query, now)
