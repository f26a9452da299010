"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that will go out; digest, message and the subscriptions' new place are one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from itertools import chain

import msgspec
from sqlalchemy import Connection

from alerts.digest import Digest, Hit, Notice, compose
from alerts.due import last_due
from alerts.ledger import Ledger, changes, messages, notices, rounds, subscriptions
from alerts.ledger.messages import Composed
from alerts.ledger.rounds import Pending, Round
from alerts.ledger.subscriptions import Subscriber
from alerts.ledger.tables import subscriber
from alerts.mail import Letterhead, build
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
        told = notices.unsent(connection)
        if told:  # seldom, so nobody's due time is looked up for it on other days
            unserved = (rounds.unserved(connection, who, moment) for who, moment in due.items())
            waiting |= told.keys() & set(chain(*unserved))
    composed = 0
    for key in sorted(waiting):
        with ledger.writing() as connection:
            mine = tuple(told.get(key, ()))
            composed += _compose_one(connection, key, due, mine, templates, head, now)
    with ledger.writing() as connection:
        for who, moment in due.items():
            rounds.serve_rest(connection, who, moment)
    return composed


def _compose_one(
    connection: Connection,
    key: int,
    due: dict[Round, datetime],
    told: tuple[Notice, ...],
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
    if not items and not told:
        return False
    person = subscriptions.get_subscriber(connection, subscriber.c.id == key)
    assert person is not None
    found = changes.get(connection, sorted({item.change_seq for item in items}))
    hits = [Hit(i.query, i.canonical, found[i.change_seq]) for i in items]
    composed = _message(person, compose(hits, told), _period(served, told), templates, head, now)
    composed = msgspec.structs.replace(
        composed, items=tuple((i.subscription_id, i.change_seq) for i in items)
    )
    if not messages.queue(connection, composed, now):
        return False
    for subscription_id, moment in served.items():
        newest = max(i.change_seq for i in items if i.subscription_id == subscription_id)
        rounds.settle(connection, [subscription_id], moment, newest)
    return True


def _period(served: dict[int, datetime], told: Iterable[Notice]) -> str:
    """Which subscriptions are served for which due time, and which notices are given: the
    digest's key beside its subscriber.
    """
    times = [f"{key}@{moment:%Y%m%dT%H%M%S.%fZ}" for key, moment in sorted(served.items())]
    return " ".join([*times, *(f"notice:{notice.id}" for notice in told)])


def _message(
    person: Subscriber,
    digest: Digest,
    period: str,
    templates: Templates,
    head: Letterhead,
    now: datetime,
) -> Composed:
    """The digest in the bytes that go out; its Message-ID follows from who and when alone."""
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<digest.{key}@{head.domain}>"
    links = head.links(person.token)
    rendered = templates.digest(digest, person, links, head, now)
    return Composed(
        subscriber_id=person.id,
        period=period,
        message_id=message_id,
        recipient=person.email,
        subject=rendered.subject,
        body=build(rendered, head, links, person.email, message_id, now),
        notices=tuple(notice.id for notice in digest.notices),
    )
