"""Double opt-in: nobody is sent a digest who has not said yes by a link in a letter to them."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import bounces, messages, subscriptions
from alerts.ledger import pending_signups as wishes
from alerts.ledger.messages import Composed
from alerts.ledger.pending_signups import LETTER, Asked
from alerts.ledger.subscriptions import Wish
from alerts.mail.message import MANAGED, Letterhead, build
from alerts.queries.parse import canonical, parse
from alerts.rendering.templates import Templates
from alerts.subscribers.subscribe import Habits, email_address, follow, subscribe

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
    :class:`alerts.subscribers.subscribe.AddressError` and :class:`alerts.queries.parse.QueryError`.
    """
    address = email_address(email)
    if wish.question_id is None:
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


def send_link(
    connection: Connection,
    templates: Templates,
    head: Letterhead,
    email: str,
    now: datetime,
) -> bool:
    """Queue a letter with the link to somebody's own page, one a day; False where none is due.

    Nobody is written to who is not subscribed. Raises
    :class:`alerts.subscribers.subscribe.AddressError`.
    """
    address = email_address(email)
    person = subscriptions.by_email(connection, address)
    if person is None or not subscriptions.count(connection, person.id):
        return False
    rendered = templates.own_page(head.manage_link(person.token, now), head, MANAGED.days)
    period = f"link {now:%Y-%m-%d}"
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<link.{key}@{head.domain}>"
    body = build(rendered, head, None, address, message_id, now)
    entry = Composed(person.id, period, message_id, address, rendered.subject, body, lane=0)
    return messages.queue(connection, entry, now)


def asked(connection: Connection, token: str, now: datetime) -> Asked | None:
    """What a link asks to confirm; None where it is wrong or too old."""
    return wishes.asked(connection, token, now - VALID)


def confirm(
    connection: Connection, token: str, habits: Habits, now: datetime, most: int | None = None
) -> Asked | None:
    """Subscribe to what a link asks to confirm; once, however often it is pressed.

    ``most`` is how many topics one subscriber may have: what is beyond is left out. Who returns
    after their mailbox had refused us is sent to again: they have just read a letter.
    """
    found = asked(connection, token, now)
    if found is None or found.is_confirmed:
        return found
    taken: list[Wish] = []
    for wish in found.wishes:
        if most is not None and subscriptions.count(connection, found.subscriber_id) >= most:
            break
        taken.append(wish)
        if wish.question_id is None:
            subscribe(connection, found.email, wish, habits, now)
        else:
            follow(connection, found.email, wish.question_id, wish, habits, now)
    wishes.confirmed(connection, token, now)
    standing = bounces.suppressed(connection, found.email)
    if standing is not None and standing.because == "bounces":
        bounces.lift(connection, found.email)
    left_out = len(found.wishes) - len(taken)
    return msgspec.structs.replace(found, wishes=tuple(taken), left_out=left_out)
