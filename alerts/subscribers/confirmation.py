"""Double opt-in: nobody is sent a digest who has not said yes by a link in a letter to them."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import bounces, messages, pending_subscriptions, subscriptions
from alerts.ledger.pending_subscriptions import PendingConfirmation
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail.identity import MANAGE_LINK_VALIDITY, MailIdentity
from alerts.mail.outgoing import draft_message, write_email
from alerts.model import Recipient
from alerts.queries import format_canonical, parse_query
from alerts.rendering.templates import Templates
from alerts.subscribers.subscribe import (
    SubscriberDefaults,
    follow_question,
    subscribe,
)

#: So long a link can be confirmed with.
CONFIRM_LINK_VALIDITY = timedelta(hours=48)
#: No address is sent a second letter sooner: anybody can type anybody's address.
_RESEND_INTERVAL = timedelta(hours=24)


def request_confirmation(
    connection: Connection,
    templates: Templates,
    identity: MailIdentity,
    email: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
    now: datetime,
) -> bool:
    """Put a wish down and queue the letter that asks for its confirmation.

    False when a letter is on its way already, by which this wish is confirmed too. Raises
    :class:`alerts.model.AddressError` and :class:`alerts.queries.parse.QueryError`.
    """
    address = Recipient.parse_email(email).address
    if request.question_id is None:
        format_canonical(parse_query(request.query))
    person = subscriptions.ensure_subscriber(connection, address, defaults.zone, defaults.hour, now)
    token, is_new = pending_subscriptions.add_request(
        connection, person.id, request, now - _RESEND_INTERVAL, now
    )
    if not is_new:
        return False
    rendered = templates.render_confirmation(
        request.query,
        f"{identity.public_url}/c/{token}",
        identity,
        int(CONFIRM_LINK_VALIDITY.total_seconds() // 3600),
    )
    draft = draft_message("confirmation", person, f"confirm {token}", identity)
    return messages.queue(connection, write_email(draft, rendered, identity, now), now)


def send_manage_link(
    connection: Connection,
    templates: Templates,
    identity: MailIdentity,
    email: str,
    now: datetime,
) -> bool:
    """Queue a letter with the link to somebody's own page, one a day; False where none is due.

    Nobody is written to who is not subscribed. Raises
    :class:`alerts.model.AddressError`.
    """
    address = Recipient.parse_email(email).address
    person = subscriptions.find_subscriber_by_email(connection, address)
    if person is None or not subscriptions.count_active(connection, person.id):
        return False
    rendered = templates.render_manage_link_email(
        identity.build_manage_link(person.token, now), identity, MANAGE_LINK_VALIDITY.days
    )
    draft = draft_message("manage_link", person, f"link {now:%Y-%m-%d}", identity)
    return messages.queue(connection, write_email(draft, rendered, identity, now), now)


def find_pending_signup(
    connection: Connection, token: str, now: datetime
) -> PendingConfirmation | None:
    """What a link asks to confirm; None where it is wrong or too old."""
    return pending_subscriptions.find_by_token(connection, token, now - CONFIRM_LINK_VALIDITY)


def confirm_signup(
    connection: Connection,
    token: str,
    defaults: SubscriberDefaults,
    now: datetime,
    max_topics: int | None = None,
) -> PendingConfirmation | None:
    """Subscribe to what a link asks to confirm; once, however often it is pressed.

    ``max_topics`` is how many topics one subscriber may have: what is beyond is left out. Who
    returns
    after their mailbox had refused us is sent to again: they have just read a letter.
    """
    found = find_pending_signup(connection, token, now)
    if found is None or found.is_confirmed:
        return found
    taken: list[SubscriptionRequest] = []
    for wish in found.requests:
        if (
            max_topics is not None
            and subscriptions.count_active(connection, found.subscriber_id) >= max_topics
        ):
            break
        taken.append(wish)
        if wish.question_id is None:
            subscribe(connection, found.email, wish, defaults, now)
        else:
            follow_question(connection, found.email, wish.question_id, wish, defaults, now)
    pending_subscriptions.mark_confirmed(connection, token, now)
    standing = bounces.find_suppression(connection, found.email)
    if standing is not None and standing.reason == "bounces":
        bounces.remove_suppression(connection, found.email)
    left_out = len(found.requests) - len(taken)
    return msgspec.structs.replace(found, requests=tuple(taken), over_limit=left_out)
