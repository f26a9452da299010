"""One subscriber's digest: from what is pending to the message that goes out.

Each step is a function of its arguments: which pending matches the sent log does not have, the
entries, what to mark as handled, the message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.delivery import SentLog, compute_sent_key
from alerts.digests.cache import EntryCache
from alerts.digests.digest import Digest, build_digest
from alerts.digests.entries import (
    DigestMatch,
    EntryOutline,
    OverdueQuestion,
    group_by_question,
    outline_entry,
    outline_overdue_entry,
)
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.json_body import describe_digest
from alerts.digests.pending_items import DueMatch, DueReminder, PendingItems
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import (
    MailIdentity,
    OutgoingMessage,
    draft_message,
    write_email,
    write_notification,
)
from alerts.model import ChangeKind, Notice, NumberedChange, Subscriber, build_topic_key
from alerts.rendering import Templates

#: Changes by their numbers.
Changes = Mapping[int, NumberedChange]
#: Given a subscriber's id and numbers of changes, returns which of them are in the subscriber's
#: digests in the ledger.
ListDigested = Callable[[int, Collection[int]], set[int]]


class _SentKeys(msgspec.Struct, frozen=True):
    """What the sent log calls a match."""

    for_topic: bytes  #: the change, sent to this subscriber for this topic
    for_any: bytes  #: the change, sent to this subscriber for whichever topic


class HandledItems(msgspec.Struct, frozen=True):
    """What to mark as handled once the digest is in the outbox."""

    subscriptions: Mapping[int, tuple[datetime, int]]
    """By id: the due time that was served, and the number of the last change."""
    overdue_subscriptions: tuple[int, ...]  #: whose followers are now reminded
    answered_subscriptions: tuple[int, ...]  #: whose followed question is answered: they end
    #: Due time of the reminders that are put off, because the digest shows their questions.
    put_off: Mapping[int, datetime] = {}


class ComposedDigest(msgspec.Struct, frozen=True):
    """A digest, ready for the outbox."""

    message: OutgoingMessage | None  #: None if all of it was sent before
    handled: HandledItems


class DigestContext(msgspec.Struct, frozen=True):
    """What all digests of one run are written with."""

    identity: MailIdentity
    entry_cache: EntryCache
    renderer: EntryRenderer
    sent_log: SentLog
    now: datetime


class DigestSettings(msgspec.Struct, frozen=True):
    """How digests are written."""

    templates: Templates
    identity: MailIdentity
    batch_interval: timedelta = timedelta()  #: how long immediate digests wait after the last one
    sent_log: SentLog | None = None  #: what was sent, also before the ledger was restored
    #: How many processes write digests where many are due; 1 for this one alone.
    processes: int = 1
    #: From so many subscribers to whom something may be due the processes are started. Two take
    #: 1.2 seconds of processor time to start, in which one process writes 600 digests.
    min_drafted: int = 2_000
    #: Subscribers of one transaction: 200 digests take 0.2 to 1 s, and on SQLite others wait.
    batch_size: int = 200

    def create_context(self, now: datetime) -> DigestContext:
        """Return what the digests of one run are written with."""
        entry_cache = EntryCache()
        return DigestContext(
            self.identity,
            entry_cache,
            EntryRenderer(self.templates, self.identity, entry_cache.get_entry),
            self.sent_log or SentLog(),
            now,
        )


def compose_digest(
    pending: PendingItems,
    changes: Changes,
    context: DigestContext,
    list_digested: ListDigested,
    repeated_at: datetime | None = None,
) -> ComposedDigest:
    """Return one subscriber's digest, and what it handles.

    Args:
        pending: What the subscriber has not been sent.
        changes: The changes of the matches in ``pending``. One that is missing cannot be read:
            its match is handled without being shown.
        context: What the digest is written with.
        list_digested: Asks the ledger which changes the subscriber's digests contain.
        repeated_at: The time now, for a second digest for the same due time; else None.

    Raises:
        TemplatesError: A template is missing or wrong.
        SentLogError: It cannot be read what was sent.
    """
    readable = [item for item in pending.matches if item.match.change_seq in changes]
    sent_keys = _compute_sent_keys(pending.subscriber, readable, changes)
    unsent = _drop_sent(readable, sent_keys, context, list_digested)
    outlines = _outline_matches(unsent, changes)
    reminders = _drop_shown(pending.reminders, outlines)
    handled = _list_handled(pending.matches, reminders, changes)
    put_off = {one.overdue.subscription_id: one.due for one in pending.reminders}
    for key in {*handled.subscriptions, *handled.overdue_subscriptions}:
        put_off.pop(key, None)
    handled = msgspec.structs.replace(handled, put_off=put_off)
    outlines += [_outline_reminder(reminder) for reminder in reminders]
    if not outlines and not pending.notices:
        return ComposedDigest(None, handled)
    frequencies = [one.frequency for one in unsent] + [one.frequency for one in reminders]
    message = _write_message(
        pending.subscriber,
        build_digest(outlines, pending.notices, pending.damaged_queries, frequencies),
        _build_period(handled, pending.notices, repeated_at),
        context,
    )
    message = msgspec.structs.replace(
        message,
        items=tuple(item.key for item in unsent),
        sent_log_data=_join_keys(sent_keys[item.key] for item in unsent),
    )
    return ComposedDigest(message, handled)


def _compute_sent_keys(
    subscriber: Subscriber, items: Iterable[DueMatch], changes: Changes
) -> dict[tuple[int, int], _SentKeys]:
    """Return what the sent log calls each pending match, by subscription and change."""
    keys = {}
    for item in items:
        change = changes[item.match.change_seq].change
        topic = build_topic_key(item.match.topic.canonical, change.after.id)
        told = change.after.id, change.kind, change.content_hash
        keys[item.key] = _SentKeys(
            compute_sent_key(subscriber.email, topic, *told),
            compute_sent_key(subscriber.email, None, *told),
        )
    return keys


def _drop_sent(
    items: Sequence[DueMatch],
    keys: Mapping[tuple[int, int], _SentKeys],
    context: DigestContext,
    list_digested: ListDigested,
) -> list[DueMatch]:
    """Return the matches of one subscriber without those that a lost ledger has sent.

    A change that was sent for one topic is not sent for another one, which matched it only after
    the ledger was restored. Where the ledger has a digest with the change, nothing was lost: then
    the alert of the other topic shows it when it is due.
    """
    wanted = {key for of_item in keys.values() for key in (of_item.for_topic, of_item.for_any)}
    found = context.sent_log.find(wanted, context.now)
    if not found:
        return list(items)
    lost = {
        item.match.change_seq
        for item in items
        if keys[item.key].for_any in found or keys[item.key].for_topic in found
    }
    lost -= list_digested(items[0].match.subscriber_id, lost)
    return [
        item
        for item in items
        if item.match.change_seq not in lost and keys[item.key].for_topic not in found
    ]


def _join_keys(keys: Iterable[_SentKeys]) -> bytes:
    """Return what the sent log is to note, each key once."""
    return b"".join(dict.fromkeys(key for one in keys for key in (one.for_topic, one.for_any)))


def _outline_matches(items: Iterable[DueMatch], changes: Changes) -> list[EntryOutline]:
    matches = [
        DigestMatch(item.match.topic, changes[item.match.change_seq], item.match.subscription_id)
        for item in items
    ]
    return [outline_entry(group) for group in group_by_question(matches).values()]


def _drop_shown(
    reminders: Iterable[DueReminder], outlines: Collection[EntryOutline]
) -> tuple[DueReminder, ...]:
    """Return the reminders whose questions have no entry.

    A question that is in the digest because something happened to it is not called overdue as
    well; if it stays unanswered, the next digest does.
    """
    shown = {outline.question.id for outline in outlines}
    return tuple(one for one in reminders if one.overdue.question.id not in shown)


def _outline_reminder(reminder: DueReminder) -> EntryOutline:
    one = reminder.overdue
    return outline_overdue_entry(
        OverdueQuestion(one.topic, one.question, one.days_unanswered, one.subscription_id)
    )


def _list_handled(
    matches: Sequence[DueMatch], reminders: Sequence[DueReminder], changes: Changes
) -> HandledItems:
    served = {item.match.subscription_id: (item.due, item.match.change_seq) for item in matches}
    for reminder in reminders:
        served.setdefault(reminder.overdue.subscription_id, (reminder.due, 0))
    answered = (
        item.match.subscription_id
        for item in matches
        if item.match.topic.is_followed_question
        and item.match.change_seq in changes
        and changes[item.match.change_seq].change.kind is ChangeKind.ANSWERED
    )
    reminded = (reminder.overdue.subscription_id for reminder in reminders)
    return HandledItems(served, tuple(reminded), tuple(answered))


def _build_period(
    handled: HandledItems, notices: Iterable[Notice], repeated_at: datetime | None
) -> str:
    """Return what the digest is about: unique among the digests of one subscriber.

    ``3@20260716T060000.000000Z overdue:4 notice:5``: subscription 3 for that due time, the
    reminder of subscription 4, notice 5. The Message-ID is computed from it, so the form must not
    change.
    """
    times = [
        f"{key}@{due:%Y%m%dT%H%M%S.%fZ}" for key, (due, _) in sorted(handled.subscriptions.items())
    ]
    overdue = (f"overdue:{key}" for key in handled.overdue_subscriptions)
    repeated = [f"repeated:{repeated_at:%Y%m%dT%H%M%S.%fZ}"] if repeated_at else []
    given = (f"notice:{notice.id}" for notice in notices)
    return " ".join([*times, *overdue, *given, *repeated])


def _write_message(
    subscriber: Subscriber, digest: Digest, period: str, context: DigestContext
) -> OutgoingMessage:
    """Return the digest as an email, or as JSON for a recipient that is not a mailbox."""
    identity, now = context.identity, context.now
    draft = draft_message("digest" if digest.entries else "notice", subscriber, period, identity)
    links = identity.build_links(subscriber.token, now, draft.key, subscriber.link_subject)
    if draft.recipient.is_email:
        envelope = DigestEnvelope(identity, subscriber, links, now)
        rendered = render_digest(digest, envelope, context.renderer)
        message = write_email(draft, rendered, identity, now, links)
    else:
        text, details = describe_digest(digest, links, context.entry_cache.get_entry)
        message = write_notification(draft, digest.subject, text, now, details)
    notice_ids = tuple(notice.id for notice in digest.notices)
    return msgspec.structs.replace(message, notice_ids=notice_ids)
