"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that will go out; digest, message and the subscriptions' new place are one transaction.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import chain

import msgspec
from sqlalchemy import Connection

from alerts.cards import Cards
from alerts.changes import Numbered
from alerts.digest import Digest, Notice, compose
from alerts.due import last_due
from alerts.entries import Hit, Overdue, by_question, overdue_entry
from alerts.ledger import Ledger, following, messages, notices, rounds, subscriptions
from alerts.ledger.following import Waiting
from alerts.ledger.messages import Composed
from alerts.ledger.questions import meetings
from alerts.ledger.rounds import Pending, Round
from alerts.ledger.subscriptions import Subscriber
from alerts.ledger.topics import batched
from alerts.mail import Letterhead, build
from alerts.notifying import notification
from alerts.rendering import Templates, TemplatesError

log = logging.getLogger("watchword.compose")

#: So many subscribers' digests are one transaction.
_TOGETHER = 100


class Served(msgspec.Struct, frozen=True):
    """What a digest settles."""

    subscriptions: dict[int, tuple[datetime, int]]  #: for which due time, up to which change
    overdue: tuple[int, ...]  #: subscriptions whose question is now said to be overdue
    finished: tuple[int, ...]  #: followed questions that are answered


@dataclass(frozen=True)
class _Means:
    """What digests are made with."""

    templates: Templates
    head: Letterhead
    cards: Cards
    now: datetime


class Due(msgspec.Struct, frozen=True):
    """Who is due when, and what is to be said besides."""

    moments: dict[Round, datetime]
    told: Mapping[int, Sequence[Notice]]
    now: datetime


def compose_due(
    ledger: Ledger,
    templates: Templates,
    head: Letterhead,
    now: datetime,
    batch: timedelta = timedelta(),
    only: str | None = None,
) -> int:
    """Write the digests that are due at ``now`` into the outbox; their number.

    ``batch`` is how long immediate digests wait after the last one; ``only`` is an address, where
    nobody else's are to be written.
    """
    means = _Means(templates, head, Cards(templates), now)
    with ledger.reading() as connection:
        due = _due(connection, now, batch)
        waiting = _waiting(connection, due)
        if only is not None:
            person = subscriptions.by_email(connection, only)
            waiting = [key for key in waiting if person is not None and key == person.id]
    composed = 0
    for some in batched(waiting, _TOGETHER):
        with ledger.writing() as connection:
            for found, served in _digests(connection, some, due, means):
                composed += _write(connection, found, served, now)
    if only is not None:
        return composed
    with ledger.writing() as connection:
        for who, moment in due.moments.items():
            rounds.serve_rest(connection, who, moment)
    return composed


def digests_due(
    connection: Connection,
    templates: Templates,
    head: Letterhead,
    now: datetime,
    batch: timedelta = timedelta(),
) -> Iterator[tuple[Composed, str, str]]:
    """The digests that are due at ``now``, their text and their HTML; nothing is written."""
    due = _due(connection, now, batch)
    means = _Means(templates, head, Cards(templates), now)
    for some in batched(_waiting(connection, due), _TOGETHER):
        for found, _ in _digests(connection, some, due, means):
            if "://" in found.recipient:
                yield found, found.body.decode(), ""
                continue
            message = message_from_bytes(found.body, policy=policy.default)
            parts = (message.get_body(("plain",)), message.get_body(("html",)))
            text, html = (str(part.get_content()) if part else "" for part in parts)
            yield found, text, html


def _due(connection: Connection, now: datetime, batch: timedelta) -> Due:
    everybody = rounds.everybody(connection)
    meets = any(who.frequency == "meeting" for who in everybody)
    days = meetings(connection, now.date()) if meets else ()
    moments = {
        who: last_due(who.frequency, now, who.zone, who.hour, batch, days) for who in everybody
    }
    return Due(moments, notices.unsent(connection), now)


def _waiting(connection: Connection, due: Due) -> list[int]:
    """The subscribers for whom something may be due; those of one zone and hour together."""
    waiting: dict[int, None] = {}
    for who, moment in sorted(due.moments.items(), key=lambda item: item[0].together):
        waiting |= dict.fromkeys(rounds.waiting(connection, who, moment))
        waiting |= dict.fromkeys(
            w.subscriber_id for w in following.overdue(connection, who, moment, due.now)
        )
    if due.told:  # seldom, so nobody's due time is looked up for it on other days
        unserved = (rounds.unserved(connection, who, m) for who, m in due.moments.items())
        waiting |= dict.fromkeys(sorted(due.told.keys() & set(chain(*unserved))))
    return list(waiting)


def _digests(
    connection: Connection,
    keys: Sequence[int],
    due: Due,
    means: _Means,
) -> Iterator[tuple[Composed, Served]]:
    """The digests of some subscribers, over all rounds that they are due in.

    One that cannot be put into words is left for the next time, and stops nobody else's.
    """
    people = {p.id: p for p in subscriptions.get_subscribers(connection, keys)}
    here = {(person.zone, person.hour) for person in people.values()}
    items: dict[int, list[tuple[Pending, datetime]]] = {}
    late: dict[int, list[tuple[Waiting, datetime]]] = {}
    for who, moment in due.moments.items():
        if who.together not in here:
            continue
        for item in rounds.pending(connection, who, moment, keys):
            items.setdefault(item.subscriber_id, []).append((item, moment))
        for waiting in following.overdue(connection, who, moment, due.now, keys):
            late.setdefault(waiting.subscriber_id, []).append((waiting, moment))
    wanted = {item.change_seq for some in items.values() for item, _ in some}
    found = means.cards.changes(connection, wanted)
    for key in keys:
        mine, overdue, told = items.get(key, []), late.get(key, []), tuple(due.told.get(key, ()))
        if mine or overdue or told:
            try:
                yield _one(people[key], mine, overdue, told, found, means)
            except TemplatesError:
                raise  # nobody's digest can be put into words: the operator is to mend it
            except Exception:  # the named boundary: a template, or a record that no one foresaw
                log.exception("the digest of subscriber %d could not be composed", key)


def _one(
    person: Subscriber,
    items: Sequence[tuple[Pending, datetime]],
    late: Sequence[tuple[Waiting, datetime]],
    told: tuple[Notice, ...],
    found: Mapping[int, Numbered],
    means: _Means,
) -> tuple[Composed, Served]:
    """One subscriber's digest, and what it settles."""
    hits = [Hit(item.watch, found[item.change_seq]) for item, _ in items]
    entries = [means.cards.entry(some) for some in by_question(hits).values()]
    known = {entry.question.id for entry in entries}
    entries += [
        overdue_entry(Overdue(w.watch, w.question, w.days))
        for w, _ in late
        if w.question.id not in known
    ]
    served = {item.subscription_id: (moment, item.change_seq) for item, moment in items}
    for waiting, moment in late:
        served.setdefault(waiting.subscription_id, (moment, 0))
    settled = Served(
        served,
        tuple(waiting.subscription_id for waiting, _ in late),
        tuple(
            item.subscription_id
            for item, _ in items
            if item.watch.canonical is None and found[item.change_seq].change.kind == "answered"
        ),
    )
    period = _period(settled, told)
    composed = _message(person, compose(entries, told), period, means)
    pairs = tuple((item.subscription_id, item.change_seq) for item, _ in items)
    return msgspec.structs.replace(composed, items=pairs), settled


def _write(connection: Connection, composed: Composed, served: Served, now: datetime) -> bool:
    """Put a digest into the outbox and settle what it serves; False if it is there already."""
    if not messages.queue(connection, composed, now):
        return False
    rounds.settle(connection, served.subscriptions)
    following.settle(connection, served.overdue, served.finished, now)
    return True


def _period(served: Served, told: Iterable[Notice]) -> str:
    """Which subscriptions are served for which due time, and which notices are given: the
    digest's key beside its subscriber.
    """
    times = [f"{k}@{m:%Y%m%dT%H%M%S.%fZ}" for k, (m, _) in sorted(served.subscriptions.items())]
    late = (f"overdue:{key}" for key in served.overdue)
    return " ".join([*times, *late, *(f"notice:{notice.id}" for notice in told)])


def _message(
    person: Subscriber,
    digest: Digest,
    period: str,
    means: _Means,
) -> Composed:
    """The digest in the bytes that go out; its Message-ID follows from who and when alone."""
    head, now = means.head, means.now
    key = hashlib.sha256(f"{person.token} {period}".encode()).hexdigest()[:32]
    message_id = f"<digest.{key}@{head.domain}>"
    links = head.links(person.token, key if digest.rest else None)
    if "://" in person.email:
        subject, body = digest.subject, notification(digest, links, message_id, now)
    else:
        rendered = means.templates.digest(digest, person, links, head, now, cards=means.cards)
        subject = rendered.subject
        body = build(rendered, head, links, person.email, message_id, now)
    return Composed(
        subscriber_id=person.id,
        period=period,
        message_id=message_id,
        recipient=person.email,
        subject=subject,
        body=body,
        notices=tuple(notice.id for notice in digest.notices),
    )
