"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that will go out; digest, message and the subscriptions' new place are one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import chain

import msgspec
from sqlalchemy import Connection

from alerts.delivery.sent_log import Already
from alerts.digests.cache import Cards
from alerts.digests.digest import Digest, compose
from alerts.digests.draft import Means, Served, draft
from alerts.digests.entries import Hit, by_question, entry_of
from alerts.digests.schedule import last_due
from alerts.ledger import Ledger, alarms, changes, messages, notices, subscriptions
from alerts.ledger import due_subscriptions as rounds
from alerts.ledger import followed_questions as following
from alerts.ledger.due_subscriptions import Pending, Round
from alerts.ledger.followed_questions import Waiting
from alerts.ledger.lookups import meetings
from alerts.ledger.messages import Composed
from alerts.ledger.topics import batched
from alerts.mail.message import Letterhead
from alerts.model import Notice
from alerts.rendering.templates import Templates, TemplatesError

log = logging.getLogger("watchword.compose")

#: So many subscribers' digests are one transaction.
_TOGETHER = 100


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
    *,
    already: Already | None = None,
    only: str | None = None,
) -> int:
    """Write the digests that are due at ``now`` into the outbox; their number.

    ``batch`` is how long immediate digests wait after the last one; ``already`` is what was sent
    before the ledger was restored; ``only`` is an address, where nobody else's are to be written.
    """
    means = Means(templates, head, Cards(templates), already or Already(), now)
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
    trouble = {"compose": f"{len(means.failed)} digests: the log says why"} if means.failed else {}
    with ledger.writing() as connection:
        alarms.settle(connection, "mail", trouble, ("compose",), now)
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
    means = Means(templates, head, Cards(templates), Already(), now)
    for some in batched(_waiting(connection, due), _TOGETHER):
        for found, _ in _digests(connection, some, due, means):
            if found is None:
                continue
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
    means: Means,
) -> Iterator[tuple[Composed | None, Served]]:
    """The digests of some subscribers, over all rounds that they are due in, and what they settle;
    no digest where all of it was sent before.

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
                yield draft(people[key], mine, overdue, told, found, means)
            except TemplatesError:
                raise  # nobody's digest can be put into words: the operator is to mend it
            except Exception:  # the named boundary: a template, or a record that no one foresaw
                log.exception("the digest of subscriber %d could not be composed", key)
                means.failed.append(key)


def _write(
    connection: Connection, composed: Composed | None, served: Served, now: datetime
) -> bool:
    """Put a digest into the outbox and settle what it serves; False if it is there already."""
    if composed is not None and not messages.queue(connection, composed, now):
        return False
    rounds.settle(connection, served.subscriptions)
    following.settle(connection, served.overdue, served.finished, now)
    return composed is not None


def kept_digest(connection: Connection, message_id: str, since: datetime) -> Digest | None:
    """The digest of a message that was composed after ``since``; None where there is none."""
    items = messages.items(connection, message_id, since)
    found = changes.get(connection, sorted({seq for _, seq in items}))
    hits = [Hit(watch, found[seq]) for watch, seq in items]
    return compose(map(entry_of, by_question(hits).values())) if hits else None
