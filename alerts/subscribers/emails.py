"""The emails about a subscriber's own alerts: to confirm them, and to manage them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from alerts.language import gettext
from alerts.ledger import bounces, messages, subscriptions
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
from alerts.subscribers.undo import list_restorable


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
        subject=gettext("Confirm your %(service)s alert") % {"service": context.identity.name},
        line=line.text,
        link=f"{context.identity.public_url}/c/{token}",
        hours=int(validity.total_seconds() // 3600),
        stop_link=stop_link,
    )
    return write_email(draft, rendered, context.identity, context.now)


def write_manage_link_email(
    context: MessageContext, subscriber: Subscriber, *, gets_none: bool = False
) -> OutgoingMessage:
    """Return the email with the link to a subscriber's alerts; one a day is one message.

    Args:
        context: What messages are written with.
        subscriber: Whose alerts they are.
        gets_none: Whether they are suspended or their alerts have ended: the email says then how
            they get alerts again.
    """
    identity = context.identity
    occasion = f"link {context.now:%Y-%m-%d}"
    draft = draft_message("manage_link", subscriber, occasion, identity)
    rendered = _render(
        context,
        "manage_link",
        subject=gettext("Manage your %(service)s alerts") % {"service": identity.name},
        link=identity.build_manage_link(subscriber.link_subject, context.now),
        days=MANAGE_LINK_VALIDITY.days,
        gets_none=gets_none,
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
        False where nobody with that address is subscribed, is suspended or has alerts that can be
        restored, or where the email was sent today already.

    Raises:
        AddressError: It is not an email address.
    """
    recipient = Recipient.parse_email(address)
    subscriber = subscriptions.find_subscriber_by_email(connection, recipient.address)
    if subscriber is None:
        return False
    is_suspended = bounces.find_suppression(connection, subscriber.email) is not None
    has_ended = bool(list_restorable(connection, subscriber.id))
    if not (is_suspended or has_ended or subscriptions.count_active(connection, subscriber.id)):
        return False
    email = write_manage_link_email(context, subscriber, gets_none=is_suspended or has_ended)
    return messages.queue(connection, email, context.now)
