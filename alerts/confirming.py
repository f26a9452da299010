"""Double opt-in: nobody is sent a digest who has not said yes by a link in a letter to them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import bounces, messages, subscriptions, wishes
from alerts.ledger.messages import Composed
from alerts.ledger.subscriptions import Wish
from alerts.ledger.wishes import LETTER, Asked
from alerts.mail import Letterhead, build
from alerts.query import canonical, parse
from alerts.rendering import Templates
from alerts.subscriptions import Habits, email_address, subscribe

#: So long a link can be confirmed with.
VALID = timedelta(hours=48)
#: No address is sent a second letter sooner: anybody can type anybody's address.
_PAUSE = timedelta(hours=24)


def ask(
    connection: Connection,
    templates: Templates,
    head: Letterhead,
    email: str,
    wish: Wish,
    habits: Habits,
    now: datetime,
) -> bool:
    """Put a wish down and queue the letter that asks for its confirmation.

    False when a letter is on its way already, by which this wish is confirmed too. Raises
    :class:`alerts.subscriptions.AddressError` and :class:`alerts.query.QueryError`.
    """
    address = email_address(email)
    canonical(parse(wish.query))
    person = subscriptions.ensure_subscriber(connection, address, habits.zone, habits.hour, now)
    token, is_new = wishes.add(connection, person.id, wish, now - _PAUSE, now)
    if not is_new:
        return False
    rendered = templates.confirmation(
        wish.query, f"{head.public_url}/c/{token}", head, int(VALID.total_seconds() // 3600)
    )
    period = f"{LETTER}{token}"
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<confirm.{key}@{head.domain}>"
    body = build(rendered, head, None, address, message_id, now)
    entry = Composed(person.id, period, message_id, address, rendered.subject, body, lane=0)
    return messages.queue(connection, entry, now)


def asked(connection: Connection, token: str, now: datetime) -> Asked | None:
    """What a link asks to confirm; None where it is wrong or too old."""
    return wishes.asked(connection, token, now - VALID)


def confirm(connection: Connection, token: str, habits: Habits, now: datetime) -> Asked | None:
    """Subscribe to what a link asks to confirm; once, however often it is pressed.

    Who returns after their mailbox had refused us is sent to again: they have just read a letter.
    """
    found = asked(connection, token, now)
    if found is None or found.is_confirmed:
        return found
    for wish in found.wishes:
        subscribe(connection, found.email, wish, habits, now)
    wishes.confirmed(connection, token, now)
    standing = bounces.suppressed(connection, found.email)
    if standing is not None and standing.because == "bounces":
        bounces.lift(connection, found.email)
    return found
