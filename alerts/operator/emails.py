"""Letters to the operator: what is wrong with a source, and that it is over.

They go through the same outbox as digests, so they are sent once and survive a mail server that
is down. The operator is a subscriber like any other, on no list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.digests.json_body import build_operator_notification
from alerts.ledger import alarms, messages, subscriptions
from alerts.ledger.messages import NewMessage
from alerts.mail.message import MailIdentity, RenderedMessage, build_message
from alerts.rendering.templates import Templates

#: A letter is written at once, so its reader's zone and hour say nothing.
_ZONE, _HOUR = "UTC", 0


def queue_operator_emails(
    connection: Connection,
    templates: Templates,
    identity: MailIdentity,
    addresses: Sequence[str],
    now: datetime,
) -> int:
    """Put letters into the outbox about the alarms not told yet, one an address; their number."""
    news = alarms.list_unnotified(connection)
    if not news or not addresses:
        return 0
    rendered = templates.render_operator_email(news, alarms.list_open(connection), identity, now)
    period = "alarms " + " ".join(f"{a.id}{'-' if a.cleared_at else '+'}" for a in news)
    queued = sum(_queue_email(connection, rendered, identity, to, period, now) for to in addresses)
    for entry in news:
        alarms.mark_notified(connection, entry, now)
    return queued


def _queue_email(
    connection: Connection,
    rendered: RenderedMessage,
    head: MailIdentity,
    address: str,
    period: str,
    now: datetime,
) -> bool:
    to = address if "://" in address else address.lower()
    operator = subscriptions.ensure_subscriber(connection, to, _ZONE, _HOUR, now)
    key = hashlib.sha256(f"{operator.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<letter.{key}@{head.domain}>"
    if "://" in to:
        body = build_operator_notification(rendered.subject, rendered.text, message_id, now)
    else:
        body = build_message(rendered, head, None, to, message_id, now)
    entry = NewMessage(
        subscriber_id=operator.id,
        kind="operator",
        key=key,
        message_id=message_id,
        recipient=to,
        subject=rendered.subject,
        body=body,
        lane=0,
    )
    return messages.queue(connection, entry, now)
