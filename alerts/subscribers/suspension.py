"""What the operator decides about sending to an address: stop it, or begin again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from alerts.ledger import bounces, changes, subscriptions
from alerts.subscribers.undo import accept_email_again

#: What was lifted from an address.
Lifted = Literal["suspension", "bounces", "nothing"]


def suspend(connection: Connection, subscriber_id: int, now: datetime) -> None:
    """Send no digest to a subscriber any more, by the operator's decision. Alerts do not end."""
    bounces.suspend_subscriber(connection, subscriber_id, "operator", now)


def lift_suspension(connection: Connection, address: str, now: datetime) -> Lifted:
    """Send to an address again, from what happens now on, and count its bounces no longer.

    Alerts that a complaint has ended begin again.

    Args:
        connection: A writing connection to the ledger.
        address: In its normal form.
        now: The time.

    Returns:
        ``bounces`` where the address was not suspended and only its bounces were counted.
    """
    was_bouncing = bounces.clear_bounces(connection, address)
    subscriber = subscriptions.find_subscriber_by_email(connection, address)
    suppression = bounces.find_suppression(connection, address)
    if suppression is None:
        bounces.remove_suppression(connection, address)
        return "bounces" if was_bouncing else "nothing"
    if subscriber is not None and suppression.reason == "complaint":
        accept_email_again(connection, subscriber, now)
    else:
        bounces.remove_suppression(connection, address)
    if subscriber is not None:
        newest = changes.get_newest_seq(connection)
        subscriptions.skip_unsent(connection, subscriber.id, newest)
    return "suspension"
