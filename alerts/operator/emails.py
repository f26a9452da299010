"""Emails to the operator about alarms that were raised or cleared.

They wait in the same outbox as digests, so each is sent once, also when the mail server is down for
a while. In the ledger an operator is a subscriber without subscriptions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from alerts.ledger import alarms, messages, subscriptions
from alerts.mail import (
    MessageContext,
    RenderedMessage,
    draft_message,
    write_email,
    write_notification,
)
from alerts.model import Alarm, Recipient
from alerts.rendering import ALARM_LABELS

#: Every subscriber has a time for digests; an operator is sent none.
_ZONE, _HOUR = "UTC", 0


def queue_operator_emails(
    connection: Connection, context: MessageContext, addresses: Sequence[str]
) -> int:
    """Queue a message about the alarms that the operator has not been notified of.

    Args:
        connection: A writing connection to the ledger.
        context: What messages are written with.
        addresses: Email addresses, or the URLs of other recipients; each is sent one message.

    Returns:
        How many messages were queued.
    """
    new_alarms = alarms.list_unnotified(connection)
    if not new_alarms or not addresses:
        return 0
    rendered = render_operator_email(context, new_alarms, alarms.list_open(connection))
    marks = (f"{alarm.id}{'-' if alarm.cleared_at else '+'}" for alarm in new_alarms)
    occasion = f"alarms {' '.join(marks)}"
    queued = sum(_queue(connection, context, rendered, to, occasion) for to in addresses)
    for alarm in new_alarms:
        alarms.mark_notified(connection, alarm, context.now)
    return queued


def _queue(
    connection: Connection,
    context: MessageContext,
    rendered: RenderedMessage,
    address: str,
    occasion: str,
) -> bool:
    """Queue the message to one address; False if it was queued before."""
    recipient = Recipient.parse(address)
    operator = subscriptions.ensure_subscriber(
        connection, recipient.address, _ZONE, _HOUR, context.now
    )
    draft = draft_message("operator", operator, occasion, context.identity)
    if recipient.is_email:
        message = write_email(draft, rendered, context.identity, context.now)
    else:
        message = write_notification(draft, rendered.subject, rendered.text, context.now)
    return messages.queue(connection, message, context.now)


def render_operator_email(
    context: MessageContext, new_alarms: Sequence[Alarm], open_alarms: Sequence[Alarm]
) -> RenderedMessage:
    """Return an email that gives the new alarms in full, and names the others that are open."""
    subject = _format_subject(new_alarms)
    values = {
        "new_alarms": new_alarms,
        "other_alarms": [alarm for alarm in open_alarms if alarm not in new_alarms],
        "identity": context.identity,
        "subject": subject,
    }
    return RenderedMessage(
        subject=subject,
        text=context.templates.render_text("mail/operator.txt", **values),
        html=context.templates.render_html("mail/operator.html", **values),
    )


def _format_subject(new_alarms: Sequence[Alarm]) -> str:
    """Return ``london: the source blocks us, and 2 more``; cleared alarms only without others."""
    raised = [alarm for alarm in new_alarms if not alarm.cleared_at]
    first, *others = raised or new_alarms
    label = ALARM_LABELS.get(first.kind, first.kind) if raised else "alarm cleared"
    return (
        f"{first.source or 'the service'}: {label}{f', and {len(others)} more' if others else ''}"
    )
