"""Going through all subscribers for whom no event notes that something is due.

It is done once a day, for followed questions that have become overdue with the day, and after each
notice. It also finds those who have something pending and no row in the table of due subscribers:
there should be none.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection, func, select, true, update

from alerts.ledger import due_subscribers, followed_questions, notices
from alerts.ledger.due_schema import due_subscriber, due_sweep
from alerts.ledger.due_subscribers import RANGE_SIZE
from alerts.ledger.due_subscriptions import STATE_TABLES, is_unsent_change, may_be_sent
from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.schema import change, match, subscriber, subscription

#: Subscribers of one step: 5 s where all follow a question.
_STEP = 50 * RANGE_SIZE


class SweepProgress(msgspec.Struct, frozen=True):
    """How far all subscribers have been gone through."""

    day: date  #: that it was begun for, in UTC
    notices_up_to: int  #: the newest notice when it was begun
    next_id: int | None  #: the subscriber to go on with; None when it is done


class SweepStep(msgspec.Struct, frozen=True):
    """What was found among some subscribers."""

    before: SweepProgress | None
    after: SweepProgress
    missed: tuple[int, ...]  #: who had something pending, and would not have been looked at
    expected: tuple[int, ...]  #: to whom a reminder or a notice is to be sent


def is_waiting(connection: Connection, now: datetime) -> bool:
    """Return whether there are subscribers to go through."""
    found = _find_progress(connection)
    return (
        found is None
        or found != _begin_or_go_on(connection, found, now)
        or found.next_id is not None
    )


def find_next_step(connection: Connection, now: datetime) -> SweepStep:
    """Find who is to be looked at among the next subscribers; write nothing."""
    before = _find_progress(connection)
    progress = _begin_or_go_on(connection, before, now)
    start = progress.next_id or 0
    newest = connection.execute(select(func.coalesce(func.max(subscriber.c.id), 0))).scalar_one()
    end = min(start + _STEP, newest + 1)
    wanted = select(subscriber.c.id).where(subscriber.c.id >= start, subscriber.c.id < end)
    keys = connection.execute(wanted.order_by(subscriber.c.id)).scalars().all()
    expected: list[int] = []
    for some in iter_parameters(keys):
        overdue = followed_questions.list_overdue(connection, some, now.date())
        expected += {state.subscriber_id for state, _ in overdue}
        expected += notices.list_unsent(connection, some)
    after = msgspec.structs.replace(progress, next_id=end if end <= newest else None)
    return SweepStep(before, after, list_missed(connection, start, end), tuple(set(expected)))


def take_step(connection: Connection, step: SweepStep) -> bool:
    """Note who is to be looked at; return False if another process has taken the step."""
    if step.before is None:
        insert_once(connection, due_sweep, id=1, **msgspec.structs.asdict(step.after))
    row = connection.execute(select(due_sweep).with_for_update()).one()
    if step.before is not None and _read(row) != step.before:
        return False
    connection.execute(update(due_sweep).values(**msgspec.structs.asdict(step.after)))
    due_subscribers.add(connection, sorted({*step.missed, *step.expected}))
    return True


def _find_progress(connection: Connection) -> SweepProgress | None:
    row = connection.execute(select(due_sweep)).one_or_none()
    return _read(row) if row else None


def _read(row: object) -> SweepProgress:
    return msgspec.convert(row, SweepProgress, from_attributes=True)


def _begin_or_go_on(
    connection: Connection, progress: SweepProgress | None, now: datetime
) -> SweepProgress:
    """Return the progress, or the beginning of a new sweep on a new day or for a new notice."""
    today, newest = now.date(), notices.get_newest_id(connection)
    if progress is None or progress.day != today or progress.notices_up_to != newest:
        return SweepProgress(today, newest, 0)
    return progress


def list_missed(connection: Connection, start: int = 0, end: int | None = None) -> tuple[int, ...]:
    """Return the subscribers who have a pending match, and would not be looked at.

    Args:
        connection: The ledger.
        start: Only ids from this one on.
        end: Only ids below this one; None for all.
    """
    wanted = (
        select(subscription.c.subscriber_id)
        .select_from(STATE_TABLES)
        .join(match, match.c.topic_id == subscription.c.topic_id)
        .join(change, change.c.seq == match.c.change_seq)
        .where(
            subscription.c.subscriber_id >= start,
            true() if end is None else subscription.c.subscriber_id < end,
            due_subscriber.c.subscriber_id.is_(None),
            may_be_sent(),
            match.c.change_seq > subscription.c.sent_up_to,
            is_unsent_change(),
        )
        .distinct()
    )
    return tuple(connection.execute(wanted).scalars())
