"""Letters to the operator: what is wrong with a source, and that it is over.

They go through the same outbox as digests, so they are sent once and survive a mail server that
is down. The operator is a subscriber like any other, on no list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms, messages, subscriptions
from alerts.mail.identity import MailIdentity
from alerts.mail.mime import RenderedMessage
from alerts.mail.outgoing import draft_message, write_email, write_notification
from alerts.model import Recipient
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
    to = Recipient.parse(address)
    operator = subscriptions.ensure_subscriber(connection, to.address, _ZONE, _HOUR, now)
    draft = draft_message("operator", operator, period, head)
    if to.is_email:
        message = write_email(draft, rendered, head, now)
    else:
        message = write_notification(draft, rendered.subject, rendered.text, now)
    return messages.queue(connection, message, now)
