"""Double opt-in: nobody is sent a digest before they confirm by a link that we email to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import (
    bounces,
    confirmation_history,
    messages,
    pending_subscriptions,
    subscriptions,
)
from alerts.ledger.address_hashes import get_hash
from alerts.ledger.confirmation_history import ConfirmationHistory
from alerts.ledger.pending_subscriptions import PendingSubscription
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.model import Recipient, Subscriber
from alerts.queries import format_canonical, parse_query
from alerts.subscribers.addresses import (
    count_email,
    may_be_emailed,
    parse_address_of_visitor,
)
from alerts.subscribers.emails import ConfirmationLinks, write_confirmation_email
from alerts.subscribers.errors import EmailRefusedError
from alerts.subscribers.membership import SubscriberDefaults, name_request, subscribe
from alerts.subscribers.quotation import (
    AlertSample,
    PromisedAlert,
    SignUpLine,
    check_query_of_visitor,
    describe_request,
)

#: How long a confirmation link works: who reads email once a day has two chances.
CONFIRMATION_LINK_VALIDITY = timedelta(hours=48)
#: How long nobody is sent a second email for the same request.
_RESEND_INTERVAL = timedelta(hours=24)


#: Where nothing was looked up in the archive.
_NO_SAMPLE = AlertSample()


class SignUp(msgspec.Struct, frozen=True):
    """A request that waits for its confirmation, as its pages show it."""

    id: int
    line: SignUpLine
    request: SubscriptionRequest


class ConfirmationView(msgspec.Struct, frozen=True):
    """What the page of a confirmation link shows."""

    email: str
    requested_at: datetime
    token: str
    own: SignUp  #: what the email with the link is about
    is_own_confirmed: bool
    others: tuple[SignUp, ...]  #: open requests for the same address, from anybody
    accepted: tuple[SignUp, ...] = ()  #: what was confirmed just now
    over_limit: int = 0  #: how many of the chosen exceed the limit of alerts for one subscriber


def request_confirmation(
    connection: Connection,
    context: MessageContext,
    email: str,
    request: SubscriptionRequest,
    defaults: SubscriberDefaults,
    allow_email: Callable[[str], bool] = lambda _: True,
    sample: AlertSample = _NO_SAMPLE,
) -> bool:
    """Store a pending subscription and queue the email that asks to confirm it.

    A request with the origin ``page`` is a visitor's: it is bound by the rules for visitors'
    addresses and queries, and by the history of the address.

    Args:
        connection: A writing connection to the ledger.
        context: What messages are written with.
        email: The address that somebody typed.
        request: What to subscribe to.
        defaults: What a new subscriber gets.
        allow_email: Given an address, counts an email to it against the limits and returns whether
            it may be sent. It is called once for each accepted request of a visitor.
        sample: What the alert brings, which the email shows.

    Returns:
        False where no email is queued: one for the same request was within the last 24 hours, or
        the address is not to be emailed now. The answer to a visitor must not differ.

    Raises:
        AddressError: It is not an email address, or not one that a visitor may give.
        QueryError: The query cannot be parsed, or a visitor's holds contact details.
        UnknownQuestionError: The question is not in the ledger.
        EmailRefusedError: The owner of the address wants no such emails, and the request is the
            operator's.
    """
    is_visitor = request.origin == "page"
    recipient = _check_request(context.identity, email, request)
    request = name_request(connection, request)
    # Whether or not an email follows: the counts would tell what is known of the address.
    is_allowed = not is_visitor or allow_email(recipient.address)
    address_hash = get_hash(connection, recipient.address)
    history = confirmation_history.find(connection, address_hash)
    if history.refused_at is not None:
        if is_visitor:
            return False
        raise EmailRefusedError
    subscriber = subscriptions.ensure_subscriber(
        connection, recipient.address, defaults.zone, defaults.hour, context.now
    )
    pending = pending_subscriptions.add_request(
        connection, subscriber.id, request, context.now - _RESEND_INTERVAL, context.now
    )
    if pending.emailed_at is not None:
        return False
    if is_visitor:
        if not is_allowed or not may_be_emailed(history, context.now):
            return False
        confirmation_history.save(connection, address_hash, count_email(history, context.now))
    return _send_email(connection, context, subscriber, pending, sample)


def _check_request(identity: MailIdentity, email: str, request: SubscriptionRequest) -> Recipient:
    """Return the recipient of a request that is accepted; raise as `request_confirmation` does."""
    is_visitor = request.origin == "page"
    recipient = (
        parse_address_of_visitor(email, identity.own_addresses)
        if is_visitor
        else Recipient.parse_email(email)
    )
    if request.question_id is None:
        format_canonical(parse_query(request.query))
        if is_visitor:
            check_query_of_visitor(request.query)
    return recipient


def _send_email(
    connection: Connection,
    context: MessageContext,
    subscriber: Subscriber,
    pending: PendingSubscription,
    sample: AlertSample,
) -> bool:
    """Queue the email of a pending subscription."""
    line = describe_request(connection, pending.request)
    stop_link = context.identity.build_stop_link(
        get_hash(connection, subscriber.email), context.now
    )
    promised = PromisedAlert(line, pending.request.frequency, sample.per_month, sample.question)
    links = ConfirmationLinks(pending.token, CONFIRMATION_LINK_VALIDITY, stop_link)
    message = write_confirmation_email(context, subscriber, promised, links)
    pending_subscriptions.mark_emailed(connection, pending.id, context.now)
    return messages.queue(connection, message, context.now)


def find_pending_signup(
    connection: Connection, token: str, now: datetime
) -> ConfirmationView | None:
    """Return what the page of a link shows; None where the link is wrong or has expired."""
    since = now - CONFIRMATION_LINK_VALIDITY
    pending = pending_subscriptions.find_by_token(connection, token, since)
    if pending is None:
        return None
    others = pending_subscriptions.list_open(connection, pending.subscriber_id, since)
    return ConfirmationView(
        email=pending.email,
        requested_at=pending.requested_at,
        token=token,
        own=_build_sign_up(connection, pending),
        is_own_confirmed=pending.is_confirmed,
        others=tuple(_build_sign_up(connection, one) for one in others if one.id != pending.id),
    )


def _build_sign_up(connection: Connection, pending: PendingSubscription) -> SignUp:
    return SignUp(pending.id, describe_request(connection, pending.request), pending.request)


def confirm_signup(
    connection: Connection,
    token: str,
    defaults: SubscriberDefaults,
    now: datetime,
    max_topics: int | None = None,
    chosen: frozenset[int] | None = None,
) -> ConfirmationView | None:
    """Subscribe to what the owner of an address chose on the page of a link.

    A subscriber who was suspended, after bounces or a complaint, is sent digests again: they have
    just read an email, and asked for more.

    Args:
        connection: A writing connection to the ledger.
        token: The token in the link.
        defaults: What a new subscriber gets.
        now: When the subscriptions begin.
        max_topics: How many topics one subscriber may have; None for any number.
        chosen: The ids of the pending subscriptions to confirm, of the address of the link; others
            are ignored. None confirms the one that the link's email is about.

    Returns:
        What the page shows afterwards; None where the link is wrong or has expired.
    """
    view = find_pending_signup(connection, token, now)
    if view is None:
        return None
    ids = frozenset((view.own.id,)) if chosen is None else chosen
    wanted = [one for one in _list_open(view) if one.id in ids]
    if not wanted:
        return view
    accepted = _accept(connection, view.email, wanted, defaults, now, max_topics)
    _count_answer(connection, view.email)
    bounces.remove_suppression(connection, view.email)
    taken = {one.id for one in wanted}
    return msgspec.structs.replace(
        view,
        is_own_confirmed=view.is_own_confirmed or view.own.id in taken,
        others=tuple(one for one in view.others if one.id not in taken),
        accepted=accepted,
        over_limit=len(wanted) - len(accepted),
    )


def _list_open(view: ConfirmationView) -> list[SignUp]:
    """Return the sign-ups that can be confirmed, the email's own first: it has the first claim."""
    return [*([] if view.is_own_confirmed else [view.own]), *view.others]


def _accept(
    connection: Connection,
    email: str,
    wanted: list[SignUp],
    defaults: SubscriberDefaults,
    now: datetime,
    max_topics: int | None,
) -> tuple[SignUp, ...]:
    """Subscribe to each as long as there is room; return those that were accepted."""
    accepted: list[SignUp] = []
    for one in wanted:
        person = subscriptions.find_subscriber_by_email(connection, email)
        # Counted anew each time: a request for what they are subscribed to already takes no room.
        count = subscriptions.count_active(connection, person.id) if person else 0
        if max_topics is not None and count >= max_topics:
            break
        subscribe(connection, email, one.request, defaults, now)
        accepted.append(one)
    pending_subscriptions.mark_confirmed(connection, [one.id for one in wanted], now)
    return tuple(accepted)


def _count_answer(connection: Connection, email: str) -> None:
    """Record that somebody who reads the address's email has answered."""
    address_hash = get_hash(connection, email)
    history = confirmation_history.find(connection, address_hash)
    if history != ConfirmationHistory():
        answered = msgspec.structs.replace(history, unanswered=0)
        confirmation_history.save(connection, address_hash, answered)
