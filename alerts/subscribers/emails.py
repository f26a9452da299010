"""The emails about a subscriber's own alerts: to confirm them, and to manage them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from alerts.ledger import messages, subscriptions
from alerts.mail import (
    MANAGE_LINK_VALIDITY,
    MessageContext,
    OutgoingMessage,
    RenderedMessage,
    draft_message,
    write_email,
)
from alerts.model import Recipient, Subscriber
from alerts.subscribers.quotation import SignUpLine


def write_confirmation_email(
    context: MessageContext,
    subscriber: Subscriber,
    line: SignUpLine,
    token: str,
    validity: timedelta,
    stop_link: str,
) -> OutgoingMessage:
    """Return the email that asks a subscriber to confirm an alert.

    Args:
        context: What messages are written with.
        subscriber: Who asked for the alert, or whose address somebody else typed.
        line: What the alert is for: all that the email says in other words than ours.
        token: Identifies the pending subscription in the link.
        validity: How long the link works.
        stop_link: URL of the page "do not email me again".
    """
    draft = draft_message("confirmation", subscriber, f"confirm {token}", context.identity)
    rendered = _render(
        context,
        "confirmation",
        subject=f"Confirm your {context.identity.name} alert",
        line=line.text,
        link=f"{context.identity.public_url}/c/{token}",
        hours=int(validity.total_seconds() // 3600),
        stop_link=stop_link,
    )
    return write_email(draft, rendered, context.identity, context.now)


def write_manage_link_email(context: MessageContext, subscriber: Subscriber) -> OutgoingMessage:
    """Return the email with the link to a subscriber's alerts; one a day is one message."""
    identity = context.identity
    occasion = f"link {context.now:%Y-%m-%d}"
    draft = draft_message("manage_link", subscriber, occasion, identity)
    rendered = _render(
        context,
        "manage_link",
        subject=f"Manage your {identity.name} alerts",
        link=identity.build_manage_link(subscriber.token, context.now),
        days=MANAGE_LINK_VALIDITY.days,
    )
    return write_email(draft, rendered, identity, context.now)


def _render(
    context: MessageContext, template: str, *, subject: str, **values: object
) -> RenderedMessage:
    values |= {"subject": subject, "identity": context.identity}
    templates = context.templates
    return RenderedMessage(
        subject=subject,
        text=templates.render_text(f"mail/{template}.txt", **values),
        html=templates.render_html(f"mail/{template}.html", **values),
    )


def send_manage_link(connection: Connection, context: MessageContext, address: str) -> bool:
    """Queue the email with the link to the alerts of the subscriber with an address.

    Returns:
        False where nobody with that address is subscribed, or the email was sent today already.

    Raises:
        AddressError: It is not an email address.
    """
    recipient = Recipient.parse_email(address)
    subscriber = subscriptions.find_subscriber_by_email(connection, recipient.address)
    if subscriber is None or not subscriptions.count_active(connection, subscriber.id):
        return False
    email = write_manage_link_email(context, subscriber)
    return messages.queue(connection, email, context.now)
