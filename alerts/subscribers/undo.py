"""Undoing the end of alerts: by a mistake, a mail scanner, a complaint or bounces.

What a machine can end, the subscriber can begin again without signing up anew. Whatever they were
not sent in the meantime is sent then.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, deliveries, publication, subscriptions, topics
from alerts.ledger.address_hashes import get_hash
from alerts.ledger.subscriptions import Subscription
from alerts.model import Subscriber
from alerts.subscribers.email_refusal import allow_emails

#: How long the link to unsubscribe can also undo it. A digest is often forwarded, with this link in
#: it, so a day, in which a mail scanner's click is noticed, and no longer. On their own page
#: subscribers can undo it for as long as their data is kept.
UNDO_PERIOD = timedelta(days=1)
#: Digests that were written up to a day before the end may have waited in the outbox.
MAX_WAIT = timedelta(days=1)


def list_restorable(
    connection: Connection, subscriber_id: int, since: datetime | None = None
) -> list[Subscription]:
    """Return the alerts of a subscriber that ended last, together; none while another is active.

    Args:
        connection: A connection to the ledger.
        subscriber_id: The subscriber.
        since: Only alerts that ended after this moment; None for any time.
    """
    if subscriptions.count_active(connection, subscriber_id):
        return []
    ended = subscriptions.list_ended_last(connection, subscriber_id)
    return [alert for alert in ended if since is None or _get_end(alert) > since]


def restore_alerts(
    connection: Connection, subscriber: Subscriber, now: datetime, since: datetime | None = None
) -> int:
    """Begin the alerts again that :func:`list_restorable` lists; return how many they are."""
    restorable = list_restorable(connection, subscriber.id, since)
    for alert in restorable:
        topics.revive(connection, alert.topic_id, now)
        subscriptions.restore(connection, alert.id)
        if alert.publishes:
            publication.publish_named(connection, alert.topic_id, alert.query, now)
    if restorable:
        begin = _get_end(restorable[0]) - MAX_WAIT
        deliveries.requeue_unsent(connection, subscriber.email, begin, now)
    return len(restorable)


def accept_email_again(connection: Connection, subscriber: Subscriber, now: datetime) -> bool:
    """End the suspension of a subscriber, as they ask for it; return False if there is none.

    Alerts that a complaint has ended begin again.
    """
    suppression = bounces.find_suppression(connection, subscriber.email)
    if suppression is None:
        return False
    bounces.remove_suppression(connection, subscriber.email)
    allow_emails(connection, get_hash(connection, subscriber.email))
    ended = list_restorable(connection, subscriber.id)
    if ended and suppression.reason == "complaint" and _get_end(ended[0]) == suppression.since:
        restore_alerts(connection, subscriber, now)
    begin = suppression.since - MAX_WAIT
    deliveries.requeue_unsent(connection, subscriber.email, begin, now)
    return True


def _get_end(alert: Subscription) -> datetime:
    assert alert.ended_at is not None
    return alert.ended_at
