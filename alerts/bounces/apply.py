"""What follows from a bounce: the subscriber is paused, suspended or unsubscribed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, subscriptions
from alerts.ledger.bounces import Bounce

#: Bounces are counted over this time: a mailbox that was full last year is no matter today.
_COUNTING_PERIOD = timedelta(days=30)
#: How long a subscriber is paused after the first, second, … soft bounce: 15 days in all, which
#: outlasts a holiday. One more soft bounce suspends the subscriber.
_SOFT_BOUNCE_PAUSES = tuple(timedelta(days=days) for days in (1, 2, 4, 8))
#: How many hard bounces suspend a subscriber. One may be a fault of the receiving server, reported
#: with the wrong status code.
HARD_BOUNCE_LIMIT = 2


def apply_bounce(connection: Connection, subscriber_id: int, bounce: Bounce, now: datetime) -> bool:
    """Record a bounce and apply its consequence.

    A complaint ends all subscriptions and suspends the subscriber. The second hard bounce within
    30 days, or the fifth soft one, suspends the subscriber; earlier soft ones pause them.

    Returns:
        False where the same report was recorded before; nothing follows then.
    """
    if not bounces.record_bounce(connection, subscriber_id, bounce, now):
        return False
    if bounce.kind == "complaint":
        subscriptions.unsubscribe(connection, subscriber_id, now)
        bounces.suspend_subscriber(connection, subscriber_id, "complaint", now)
        return True
    since = now - _COUNTING_PERIOD
    count = len(bounces.list_times(connection, subscriber_id, bounce.kind, since))
    limit = HARD_BOUNCE_LIMIT if bounce.kind == "hard" else len(_SOFT_BOUNCE_PAUSES) + 1
    if count >= limit:
        bounces.suspend_subscriber(connection, subscriber_id, "bounces", now)
    elif bounce.kind == "soft":
        until = now + _SOFT_BOUNCE_PAUSES[count - 1]
        bounces.pause_subscriber(connection, subscriber_id, until)
    return True
