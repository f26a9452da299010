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

    A complaint ends all subscriptions and suspends the subscriber. The second hard bounce within
    30 days, or the fifth soft one, suspends the subscriber; earlier soft ones pause them. Only a
    share of the subscribers is suspended in a day: the others wait for :func:`suspend_waiting`. A
    report that blames us has no consequence.

    Returns:
        False where the same report was recorded before; nothing follows then.
    """
    if not bounces.record_bounce(connection, subscriber_id, bounce, now):
        return False
    if bounce.kind == "complaint":
        subscriptions.unsubscribe(connection, subscriber_id, now)
        bounces.suspend_subscriber(connection, subscriber_id, "complaint", now)
        return True
    if bounce.kind == "refused":
        return True
    since = now - _COUNTING_PERIOD
    count = len(bounces.list_times(connection, subscriber_id, bounce.kind, since))
    limit = HARD_BOUNCE_LIMIT if bounce.kind == "hard" else len(_SOFT_BOUNCE_PAUSES) + 1
    if count >= limit:
        if _may_suspend(connection, now):
            bounces.suspend_subscriber(connection, subscriber_id, "bounces", now)
    elif bounce.kind == "soft":
        until = now + _SOFT_BOUNCE_PAUSES[count - 1]
        bounces.pause_subscriber(connection, subscriber_id, until)
    return True


def _may_suspend(connection: Connection, now: datetime) -> bool:
    """Return whether one more subscriber may be suspended today without approval."""
    suspended, subscribers = bounces.count_suspended_since(connection, now - _DAY)
    return suspended < max(_MIN_SUSPENSIONS, int(_MAX_SUSPENDED_SHARE * subscribers))


def list_waiting(connection: Connection, now: datetime) -> list[int]:
    """Return the subscribers who bounce, and whose suspension waits for approval."""
    since = now - _COUNTING_PERIOD
    hard = bounces.list_frequent(connection, "hard", HARD_BOUNCE_LIMIT, since)
    soft = bounces.list_frequent(connection, "soft", len(_SOFT_BOUNCE_PAUSES) + 1, since)
    return sorted({*hard, *soft})


def suspend_waiting(connection: Connection, now: datetime) -> int:
    """Suspend those whose suspension waits for approval; return how many they were."""
    waiting = list_waiting(connection, now)
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
