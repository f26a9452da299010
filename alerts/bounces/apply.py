"""What follows when a message comes back, or is refused for good: rest, give up, or leave."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, subscriptions
from alerts.ledger.bounces import BounceKind

#: Bounces within this time count together.
_COUNTING_PERIOD = timedelta(days=30)
#: How long a mailbox rests after its first, second, ... soft bounce; after one more it is given up.
_SOFT_BOUNCE_PAUSES = tuple(timedelta(days=days) for days in (1, 2, 4, 8))
#: So many that say "never": one may be a receiver's own trouble told in the wrong words.
HARD_BOUNCE_LIMIT = 2


def apply_bounce(
    connection: Connection,
    subscriber_id: int,
    kind: BounceKind,
    report: str,
    detail: str,
    now: datetime,
) -> bool:
    """Record a bounce of subscriber ``subscriber_id`` and draw the consequence; False for one
    known already.

    A complaint ends all subscriptions. A mailbox that does not exist is given up at the second
    message to it that comes back, one that is full or mute after five within 30 days.
    """
    if not bounces.record_bounce(connection, subscriber_id, kind, report, detail, now):
        return False
    if kind == "complaint":
        subscriptions.unsubscribe(connection, subscriber_id, now)
        bounces.suspend_subscriber(connection, subscriber_id, "complaint", now)
        return True
    alike = len(bounces.list_times(connection, subscriber_id, kind, now - _COUNTING_PERIOD))
    if (kind == "hard" and alike >= HARD_BOUNCE_LIMIT) or (
        kind == "soft" and alike > len(_SOFT_BOUNCE_PAUSES)
    ):
        bounces.suspend_subscriber(connection, subscriber_id, "bounces", now)
    elif kind == "soft":
        bounces.pause_subscriber(connection, subscriber_id, now + _SOFT_BOUNCE_PAUSES[alike - 1])
    return True
