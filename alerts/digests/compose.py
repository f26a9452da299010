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

from alerts.delivery import SentLog
from alerts.digests.cache import EntryCache
from alerts.digests.digest import Digest, build_digest
from alerts.digests.entries import DigestMatch, build_entry, group_by_question
from alerts.digests.schedule import find_last_due
from alerts.digests.subscriber_digest import DigestContext, HandledItems, compose_digest
from alerts.ledger import (
    Ledger,
    alarms,
    changes,
    due_subscriptions,
    followed_questions,
    messages,
    notices,
    subscriptions,
)
from alerts.ledger.due_subscriptions import DigestGroup, PendingMatch
from alerts.ledger.followed_questions import OverdueSubscription
from alerts.ledger.question_lookups import list_meeting_days
from alerts.ledger.topics import batched
from alerts.mail.identity import MailIdentity
from alerts.mail.outgoing import OutgoingMessage
from alerts.model import DayAfterMeeting, Notice, Recipient
from alerts.rendering.templates import Templates, TemplatesError

log = logging.getLogger("watchword.compose")

#: So many subscribers' digests are one transaction.
_SUBSCRIBERS_PER_TRANSACTION = 100


class DueSubscribers(msgspec.Struct, frozen=True):
    """Who is due when, and what is to be said besides."""

    due_times: dict[DigestGroup, datetime]
    unsent_notices: Mapping[int, Sequence[Notice]]
    now: datetime


def compose_due_digests(
    ledger: Ledger,
    templates: Templates,
    identity: MailIdentity,
    now: datetime,
    batch_interval: timedelta = timedelta(),
    *,
    sent_log: SentLog | None = None,
    only_email: str | None = None,
) -> int:
    """Write the digests that are due at ``now`` into the outbox; their number.

    ``batch_interval`` is how long immediate digests wait after the last one; ``sent_log`` is what
    was sent
    before the ledger was restored; ``only_email`` is an address, where nobody else's are to be
    written.
    """
    means = DigestContext(templates, identity, EntryCache(templates), sent_log or SentLog(), now)
    with ledger.reading() as connection:
        due = _find_due(connection, now, batch_interval)
        waiting = _list_waiting_subscribers(connection, due)
        if only_email is not None:
            person = subscriptions.find_subscriber_by_email(connection, only_email)
            waiting = [key for key in waiting if person is not None and key == person.id]
    composed = 0
    for some in batched(waiting, _SUBSCRIBERS_PER_TRANSACTION):
        with ledger.writing() as connection:
            for found, served in _compose_digests(connection, some, due, means):
                composed += _queue_digest(connection, found, served, now)
    if only_email is not None:
        return composed
    trouble = (
        {"compose": f"{len(means.failed_subscribers)} digests: the log says why"}
        if means.failed_subscribers
        else {}
    )
    with ledger.writing() as connection:
        alarms.update_open(connection, None, trouble, ("compose",), now)
        for who, moment in due.due_times.items():
            due_subscriptions.mark_empty_handled(connection, who, moment)
    return composed


def preview_due_digests(
    connection: Connection,
    templates: Templates,
    identity: MailIdentity,
    now: datetime,
    batch_interval: timedelta = timedelta(),
) -> Iterator[tuple[OutgoingMessage, str, str]]:
    """The digests that are due at ``now``, their text and their HTML; nothing is written."""
    due = _find_due(connection, now, batch_interval)
    means = DigestContext(templates, identity, EntryCache(templates), SentLog(), now)
    for some in batched(_list_waiting_subscribers(connection, due), _SUBSCRIBERS_PER_TRANSACTION):
        for found, _ in _compose_digests(connection, some, due, means):
            if found is None:
                continue
            if not Recipient.from_normal_form(found.recipient).is_email:
                yield found, found.body.decode(), ""
                continue
            message = message_from_bytes(found.body, policy=policy.default)
            parts = (message.get_body(("plain",)), message.get_body(("html",)))
            text, html = (str(part.get_content()) if part else "" for part in parts)
            yield found, text, html


def _find_due(connection: Connection, now: datetime, batch_interval: timedelta) -> DueSubscribers:
    everybody = due_subscriptions.list_groups(connection)
    meets = any(isinstance(who.frequency.info.rule, DayAfterMeeting) for who in everybody)
    days = list_meeting_days(connection, now.date()) if meets else ()
    moments = {
        who: find_last_due(who.frequency, now, who.zone, who.hour, batch_interval, days)
        for who in everybody
    }
    return DueSubscribers(moments, notices.list_unsent(connection), now)


def _list_waiting_subscribers(connection: Connection, due: DueSubscribers) -> list[int]:
    """The subscribers for whom something may be due; those of one zone and hour together."""
    waiting: dict[int, None] = {}
    for who, moment in sorted(due.due_times.items(), key=lambda item: item[0].zone_and_hour):
        waiting |= dict.fromkeys(due_subscriptions.list_with_pending(connection, who, moment))
        waiting |= dict.fromkeys(
            w.subscriber_id
            for w in followed_questions.list_overdue(connection, who, moment, due.now)
        )
    if due.unsent_notices:  # seldom, so nobody's due time is looked up for it on other days
        unserved = (
            due_subscriptions.list_due_subscribers(connection, who, m)
            for who, m in due.due_times.items()
        )
        waiting |= dict.fromkeys(sorted(due.unsent_notices.keys() & set(chain(*unserved))))
    return list(waiting)


def _compose_digests(
    connection: Connection,
    subscriber_ids: Sequence[int],
    due: DueSubscribers,
    context: DigestContext,
) -> Iterator[tuple[OutgoingMessage | None, HandledItems]]:
    """The digests of some subscribers, over all rounds that they are due in, and what they settle;
    no digest where all of it was sent before.

    One that cannot be put into words is left for the next time, and stops nobody else's.
    """
    people = {p.id: p for p in subscriptions.get_subscribers(connection, subscriber_ids)}
    here = {(person.zone, person.hour) for person in people.values()}
    items: dict[int, list[tuple[PendingMatch, datetime]]] = {}
    late: dict[int, list[tuple[OverdueSubscription, datetime]]] = {}
    for who, moment in due.due_times.items():
        if who.zone_and_hour not in here:
            continue
        for item in due_subscriptions.list_pending(connection, who, moment, subscriber_ids):
            items.setdefault(item.subscriber_id, []).append((item, moment))
        for waiting in followed_questions.list_overdue(
            connection, who, moment, due.now, subscriber_ids
        ):
            late.setdefault(waiting.subscriber_id, []).append((waiting, moment))
    wanted = {item.change_seq for some in items.values() for item, _ in some}
    found = context.entry_cache.get_changes(connection, wanted)
    for key in subscriber_ids:
        mine, overdue, told = (
            items.get(key, []),
            late.get(key, []),
            tuple(due.unsent_notices.get(key, ())),
        )
        if mine or overdue or told:
            try:
                yield compose_digest(people[key], mine, overdue, told, found, context)
            except TemplatesError:
                raise  # nobody's digest can be put into words: the operator is to mend it
            except Exception:  # the named boundary: a template, or a record that no one foresaw
                log.exception("the digest of subscriber %d could not be composed", key)
                context.failed_subscribers.append(key)


def _queue_digest(
    connection: Connection, composed: OutgoingMessage | None, handled: HandledItems, now: datetime
) -> bool:
    """Put a digest into the outbox and settle what it serves; False if it is there already."""
    if composed is not None and not messages.queue(connection, composed, now):
        return False
    due_subscriptions.mark_handled(connection, handled.subscriptions)
    followed_questions.mark_handled(
        connection, handled.overdue_subscriptions, handled.answered_subscriptions, now
    )
    return composed is not None


def load_sent_digest(connection: Connection, message_id: str, since: datetime) -> Digest | None:
    """The digest of a message that was composed after ``since``; None where there is none."""
    items = messages.list_digest_items(connection, message_id, since)
    found = changes.get(connection, sorted({seq for _, seq in items}))
    hits = [DigestMatch(watch, found[seq]) for watch, seq in items]
    return build_digest(map(build_entry, group_by_question(hits).values())) if hits else None
