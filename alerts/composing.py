"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that will go out; digest, message and the subscriptions' new place are one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from alerts.digest import Hit, compose
from alerts.due import last_due
from alerts.ledger import Ledger, changes, messages, rounds, subscriptions
from alerts.ledger.messages import Composed
from alerts.ledger.rounds import Pending, Round
from alerts.ledger.subscriptions import Subscriber
from alerts.ledger.tables import subscriber
from alerts.mail import Letterhead, Rendered, build
from alerts.rendering import Templates


def compose_due(ledger: Ledger, templates: Templates, head: Letterhead, now: datetime) -> int:
    """Write the digests that are due at ``now`` into the outbox; their number."""
    with ledger.reading() as connection:
        due = {
            who: last_due(who.frequency, now, who.zone, who.hour)
            for who in rounds.everybody(connection)
        }
        waiting = {
            item.subscriber_id
            for who, moment in due.items()
            for item in rounds.pending(connection, who, moment)
        }
    composed = 0
    for key in sorted(waiting):
        with ledger.writing() as connection:
            composed += _compose_one(connection, key, due, templates, head, now)
    with ledger.writing() as connection:
        for who, moment in due.items():
            rounds.serve_rest(connection, who, moment)
    return composed


def _compose_one(
    connection: Connection,
    key: int,
    due: dict[Round, datetime],
    templates: Templates,
    head: Letterhead,
    now: datetime,
) -> bool:
    """One subscriber's digest over all rounds that they are due in; False if nothing is pending."""
    items: list[Pending] = []
    served: dict[int, datetime] = {}
    for who, moment in due.items():
        mine = rounds.pending(connection, who, moment, key)
        items += mine
        served |= {item.subscription_id: moment for item in mine}
    if not items:
        return False
    person = subscriptions.get_subscriber(connection, subscriber.c.id == key)
    assert person is not None
    found = changes.get(connection, sorted({item.change_seq for item in items}))
    hits = [Hit(i.query, i.canonical, found[i.change_seq]) for i in items]
    period = _period(served)
    message_id, rendered, body = _message(person, hits, period, templates, head, now)
    queued = messages.queue(
        connection,
        Composed(
            subscriber_id=key,
            period=period,
            items=tuple((i.subscription_id, i.change_seq) for i in items),
            message_id=message_id,
            recipient=person.email,
            subject=rendered.subject,
            body=body,
        ),
        now,
    )
    if not queued:
        return False
    for subscription_id, moment in served.items():
        newest = max(i.change_seq for i in items if i.subscription_id == subscription_id)
        rounds.settle(connection, [subscription_id], moment, newest)
    return True


def _period(served: dict[int, datetime]) -> str:
    """Which subscriptions are served for which due time: the digest's key beside its subscriber."""
    return " ".join(f"{key}@{moment:%Y%m%dT%H%M%S.%fZ}" for key, moment in sorted(served.items()))


def _message(
    person: Subscriber,
    hits: Iterable[Hit],
    period: str,
    templates: Templates,
    head: Letterhead,
    now: datetime,
) -> tuple[str, Rendered, bytes]:
    """Message-ID, words and bytes; the Message-ID follows from who and when alone."""
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<digest.{key}@{head.domain}>"
    links = head.links(person.token)
    rendered = templates.digest(compose(hits), person, links, head, now)
    return message_id, rendered, build(rendered, head, links, person.email, message_id, now)
