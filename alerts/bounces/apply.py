"""What follows when a message comes back, or is refused for good: rest, give up, or leave."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, subscriptions
from alerts.ledger.bounces import BounceKind

#: Bounces within this time count together.
_MEMORY = timedelta(days=30)
#: How long a mailbox rests after its first, second, ... soft bounce; after one more it is given up.
_RESTS = tuple(timedelta(days=days) for days in (1, 2, 4, 8))
#: So many that say "never": one may be a receiver's own trouble told in the wrong words.
HARD = 2


def bounced(
    connection: Connection, who: int, kind: BounceKind, report: str, detail: str, now: datetime
) -> bool:
    """Record a bounce of subscriber ``who`` and draw the consequence; False for one known already.

    A complaint ends all subscriptions. A mailbox that does not exist is given up at the second
    message to it that comes back, one that is full or mute after five within 30 days.
    """
    if not bounces.note(connection, who, kind, report, detail, now):
        return False
    if kind == "complaint":
        subscriptions.unsubscribe(connection, who, now)
        bounces.suspend(connection, who, "complaint", now)
        return True
    alike = len(bounces.moments(connection, who, kind, now - _MEMORY))
    if (kind == "hard" and alike >= HARD) or (kind == "soft" and alike > len(_RESTS)):
        bounces.suspend(connection, who, "bounces", now)
    elif kind == "soft":
        bounces.rest(connection, who, now + _RESTS[alike - 1])
    return True
