"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that will go out; digest, message and the subscriptions' new place are one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import chain
from typing import TypeAlias

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


def compose_due(
    ledger: Ledger,
    templates: Templates,
    head: Letterhead,
    now: datetime,
    batch: timedelta = timedelta(),
) -> int:
    """Write the digests that are due at ``now`` into the outbox; their number.

    ``batch`` is how long immediate digests wait after the last one.
    """
    with ledger.reading() as connection:
        due = _due(connection, now, batch)
        told = notices.unsent(connection)
        waiting = _waiting(connection, due, told)
    composed = 0
    for key in waiting:
        with ledger.writing() as connection:
            found = _composed(connection, key, due, tuple(told.get(key, ())), templates, head, now)
            composed += found is not None and _write(connection, *found, now)
    with ledger.writing() as connection:
        for who, moment in due.items():
            rounds.serve_rest(connection, who, moment)
    return composed


def digests_due(
    connection: Connection,
    templates: Templates,
    head: Letterhead,
    now: datetime,
    batch: timedelta = timedelta(),
) -> Iterator[tuple[Composed, str]]:
    """The digests that are due at ``now``, and their text; nothing is written."""
    due, told = _due(connection, now, batch), notices.unsent(connection)
    for key in _waiting(connection, due, told):
        found = _composed(connection, key, due, tuple(told.get(key, ())), templates, head, now)
        if found is not None:
            message = message_from_bytes(found[0].body, policy=policy.default)
            part = message.get_body(("plain",))
            yield found[0], part.get_content() if part else ""


def _due(connection: Connection, now: datetime, batch: timedelta) -> dict[Round, datetime]:
    everybody = rounds.everybody(connection)
    return {who: last_due(who.frequency, now, who.zone, who.hour, batch) for who in everybody}


def _waiting(
    connection: Connection, due: dict[Round, datetime], told: Mapping[int, Sequence[Notice]]
) -> list[int]:
    """The subscribers for whom something may be due."""
    waiting = {
        item.subscriber_id
        for who, moment in due.items()
        for item in rounds.pending(connection, who, moment)
    }
    if told:  # seldom, so nobody's due time is looked up for it on other days
        unserved = (rounds.unserved(connection, who, moment) for who, moment in due.items())
        waiting |= told.keys() & set(chain(*unserved))
    return sorted(waiting)


#: Which subscriptions a digest serves: for which due time, and up to which change.
Served: TypeAlias = dict[int, tuple[datetime, int]]


def _composed(
    connection: Connection,
    key: int,
    due: dict[Round, datetime],
    told: tuple[Notice, ...],
    templates: Templates,
    head: Letterhead,
    now: datetime,
) -> tuple[Composed, Served] | None:
    """One subscriber's digest over all rounds that they are due in; None if nothing is pending."""
    items: list[Pending] = []
    served: dict[int, datetime] = {}
    for who, moment in due.items():
        mine = rounds.pending(connection, who, moment, key)
        items += mine
        served |= {item.subscription_id: moment for item in mine}
    if not items and not told:
        return None
    person = subscriptions.get_subscriber(connection, subscriber.c.id == key)
    assert person is not None
    found = changes.get(connection, sorted({item.change_seq for item in items}))
    hits = [Hit(i.query, i.canonical, found[i.change_seq]) for i in items]
    composed = _message(person, compose(hits, told), _period(served, told), templates, head, now)
    newest = {i.subscription_id: i.change_seq for i in sorted(items, key=lambda i: i.change_seq)}
    return (
        msgspec.structs.replace(
            composed, items=tuple((i.subscription_id, i.change_seq) for i in items)
        ),
        {subscription: (moment, newest[subscription]) for subscription, moment in served.items()},
    )


def _write(connection: Connection, composed: Composed, served: Served, now: datetime) -> bool:
    """Put a digest into the outbox and settle what it serves; False if it is there already."""
    if not messages.queue(connection, composed, now):
        return False
    for subscription_id, (moment, newest) in served.items():
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
