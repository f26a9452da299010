"""What follows from a bounce: the subscriber is paused, suspended or unsubscribed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, deliveries, subscriptions
from alerts.ledger.bounces import Bounce

#: Bounces are counted over this time: a mailbox that was full last year is no matter today.
_COUNTING_PERIOD = timedelta(days=30)
#: How long a subscriber is paused after the first, second, … soft bounce: 15 days in all, which
#: outlasts a holiday. One more soft bounce suspends the subscriber.
_SOFT_BOUNCE_PAUSES = tuple(timedelta(days=days) for days in (1, 2, 4, 8))
_SOFT_BOUNCE_LIMIT = len(_SOFT_BOUNCE_PAUSES) + 1
#: How many hard bounces suspend a subscriber. One may be a fault of the receiving server, reported
#: with the wrong status code.
HARD_BOUNCE_LIMIT = 2
#: The share of the subscribers who are suspended for bounces in a day without the operator's
#: approval. Lists lose 2 % of their addresses in a month: more in a day is a fault, perhaps ours.
_MAX_SUSPENDED_SHARE = 0.02
#: Below 100 subscribers the share is less than two people. One a day is suspended then.
_MIN_SUSPENSIONS = 1
_DAY = timedelta(days=1)


def apply_bounce(connection: Connection, subscriber_id: int, bounce: Bounce, now: datetime) -> bool:
    """Record a bounce and apply its consequence.

    A complaint ends all subscriptions and suspends the subscriber. The second message within 30
    days that bounced hard, or the fifth that bounced softly, suspends the subscriber; earlier soft
    bounces pause them. Only a share of the subscribers is suspended in a day. The others, and those
    of whom bounces or complaints are unproven, wait for :func:`suspend_waiting`. A report that
    blames us has no consequence.

    Returns:
        False where a bounce of the same kind was recorded for the same message before; nothing
        follows then.
    """
    if not bounces.record_bounce(connection, subscriber_id, bounce, now):
        return False
    since = now - _COUNTING_PERIOD
    match bounce.kind:
        case "complaint":
            _end_for_complaint(connection, subscriber_id, now)
        case "hard":
            times = bounces.list_times(connection, subscriber_id, "hard", since)
            if len(times) >= HARD_BOUNCE_LIMIT:
                _suspend_or_wait(connection, subscriber_id, now)
        case "soft":
            times = bounces.list_times(connection, subscriber_id, "soft", since)
            if len(times) >= _SOFT_BOUNCE_LIMIT:
                _suspend_or_wait(connection, subscriber_id, now)
            else:
                until = now + _SOFT_BOUNCE_PAUSES[len(times) - 1]
                bounces.pause_subscriber(connection, subscriber_id, until)
    return True


def _end_for_complaint(connection: Connection, subscriber_id: int, now: datetime) -> None:
    subscriptions.unsubscribe(connection, subscriber_id, now)
    bounces.suspend_subscriber(connection, subscriber_id, "complaint", now)


def _suspend_or_wait(connection: Connection, subscriber_id: int, now: datetime) -> None:
    """Suspend a subscriber for bounces, unless more were suspended today than may be."""
    if _may_suspend(connection, now):
        bounces.suspend_subscriber(connection, subscriber_id, "bounces", now)


def _may_suspend(connection: Connection, now: datetime) -> bool:
    """Return whether one more subscriber may be suspended today without approval."""
    suspended, subscribers = bounces.count_suspended_since(connection, now - _DAY)
    return suspended < max(_MIN_SUSPENSIONS, int(_MAX_SUSPENDED_SHARE * subscribers))


def list_waiting(connection: Connection, now: datetime) -> list[int]:
    """Return the subscribers who bounce or complain, and whose suspension waits for approval."""
    since = now - _COUNTING_PERIOD
    hard = bounces.list_frequent(connection, ("hard", "unproven_hard"), HARD_BOUNCE_LIMIT, since)
    soft = bounces.list_frequent(connection, ("soft", "unproven_soft"), _SOFT_BOUNCE_LIMIT, since)
    return sorted({*hard, *soft, *_list_unproven_complaints(connection, now)})


def _list_unproven_complaints(connection: Connection, now: datetime) -> list[int]:
    since = now - _COUNTING_PERIOD
    return bounces.list_frequent(connection, ("unproven_complaint",), 1, since)


def suspend_waiting(connection: Connection, now: datetime) -> int:
    """Suspend those whose suspension waits for approval; return how many they were.

    The subscriptions of those who complained end.
    """
    waiting = list_waiting(connection, now)
    for subscriber_id in _list_unproven_complaints(connection, now):
        _end_for_complaint(connection, subscriber_id, now)
    for subscriber_id in waiting:
        bounces.suspend_subscriber(connection, subscriber_id, "bounces", now)
    return len(waiting)


def resume_since(connection: Connection, since: datetime, now: datetime) -> list[str]:
    """Undo what bounces did since a moment; for when they were the fault of a mail server.

    All who were suspended for bounces since then, or whose suspension waits for approval, get email
    again, and their bounces are no longer counted. What they missed is queued. Complaints stay.

    Returns:
        The addresses, in alphabetical order.
    """
    waiting = list_waiting(connection, now)
    suspended = {
        entry.email
        for entry in bounces.list_suspended(connection)
        if entry.reason == "bounces" and entry.since >= since
    }
    resumed = sorted({*suspended, *bounces.list_addresses(connection, waiting)})
    for email in resumed:
        bounces.remove_suppression(connection, email)
        deliveries.requeue_unsent(connection, email, since, now)
    return resumed
