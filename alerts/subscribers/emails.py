"""The emails about a subscriber's own alerts: to confirm them, and to manage them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from alerts.language import format_moment, format_rate, gettext
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
from alerts.rendering import (
    QUESTION_STATUS_LABELS,
    STATUS_DISCS,
    describe_day,
    describe_people,
    describe_schedule,
    question_path,
)
from alerts.subscribers.quotation import PromisedAlert
from alerts.subscribers.undo import list_restorable
from crawler.records import Question, name_question


class ConfirmationLinks(msgspec.Struct, frozen=True):
    """The links of a confirmation email."""

    token: str  #: identifies the pending subscription in the link to confirm it
    validity: timedelta  #: how long that link works
    stop: str  #: URL of the page "do not email me again"


def write_confirmation_email(
    context: MessageContext,
    subscriber: Subscriber,
    sign_up: PromisedAlert,
    links: ConfirmationLinks,
) -> OutgoingMessage:
    """Return the email that asks a subscriber to confirm an alert.

    Args:
        context: What messages are written with.
        subscriber: Who asked for the alert, or whose address somebody else typed.
        sign_up: What the alert is for and brings: all that the email says in other words than ours.
        links: Its links.
    """
    identity = context.identity
    draft = draft_message("confirmation", subscriber, f"confirm {links.token}", identity)
    now = context.now.astimezone(ZoneInfo(subscriber.zone))
    facts = [
        (gettext("Topic"), sign_up.line.text),
        (gettext("How often"), describe_schedule(sign_up.frequency, subscriber.hour)),
        (gettext("From"), identity.address),
    ]
    if sign_up.per_month is not None:
        facts.insert(2, (gettext("How much"), format_rate(sign_up.per_month)))
    rendered = _render(
        context,
        "confirmation",
        subject=gettext("Confirm your %(name)s alert") % {"name": identity.name},
        facts=facts,
        facts_width=max(len(name) for name, _ in facts),
        sample=_describe_sample(sign_up.question, identity.public_url),
        link=f"{identity.public_url}/c/{links.token}",
        hours=int(links.validity.total_seconds() // 3600),
        until=format_moment(now + links.validity),
        asked_at=format_moment(now),
        recipient=subscriber.email,
        stop_link=links.stop,
    )
    return write_email(draft, rendered, identity, context.now)


def _describe_sample(question: Question | None, public_url: str | None) -> dict[str, str] | None:
    """Return what an email to a stranger says of a question: words of the ledger alone."""
    if question is None:
        return None
    return {
        "disc": STATUS_DISCS[question.status],
        "state": gettext(QUESTION_STATUS_LABELS[question.status]),
        "title": name_question(question),
        "asked": describe_people(question),
        "dated": describe_day(question),
        "url": f"{public_url}{question_path(question.id)}",
    }


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
        subject=gettext("Manage your %(name)s alerts") % {"name": identity.name},
        link=identity.build_manage_link(subscriber.link_subject, context.now),
        days=MANAGE_LINK_VALIDITY.days,
        gets_none=gets_none,
        recipient=subscriber.email,
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
