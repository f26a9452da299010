"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that go out. The message and how far its subscriptions are served are one transaction, so a run
that is killed can be repeated without losing or doubling anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from functools import partial

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.delivery import SentLog
from alerts.digests.cache import EntryCache
from alerts.digests.digest import Digest, build_digest
from alerts.digests.entries import DigestMatch, group_by_question, outline_entry
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.pending_items import (
    DueTimes,
    PendingItems,
    collect_pending,
    find_due_times,
    list_waiting_subscribers,
)
from alerts.digests.subscriber_digest import (
    Changes,
    ComposedDigest,
    DigestContext,
    compose_digest,
)
from alerts.ledger import (
    Ledger,
    alarms,
    changes,
    due_subscriptions,
    followed_questions,
    messages,
    subscriptions,
)
from alerts.mail import MailIdentity, OutgoingMessage
from alerts.model import Recipient
from alerts.rendering import Templates, TemplatesError

log = logging.getLogger("watchword.compose")

#: 100 digests take 0.1 to 0.5 s, and other writers wait for the transaction.
_SUBSCRIBERS_PER_TRANSACTION = 100


class DigestSettings(msgspec.Struct, frozen=True):
    """How digests are written."""

    templates: Templates
    identity: MailIdentity
    batch_interval: timedelta = timedelta()  #: how long immediate digests wait after the last one
    sent_log: SentLog | None = None  #: what was sent, also before the ledger was restored

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


class DigestPreview(msgspec.Struct, frozen=True):
    """A digest that is due, as its recipient would see it."""

    message: OutgoingMessage
    text: str  #: the JSON, for a recipient that is not a mailbox
    html: str  #: empty for a recipient that is not a mailbox


def compose_due_digests(
    ledger: Ledger,
    settings: DigestSettings,
    now: datetime,
    *,
    only_email: str | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Put the digests that are due into the outbox.

    A digest that cannot be composed is logged, raises the alarm ``compose``, and is tried again in
    the next run; it holds up no other.

    Args:
        ledger: The ledger.
        settings: How they are written.
        now: The present, in UTC.
        only_email: The normal form of an address, where only this subscriber's are wanted.
        on_progress: Called after each subscriber with the number of those that are done, and of
            all to whom something may be due.

    Returns:
        How many messages are new in the outbox.

    Raises:
        TemplatesError: A template is missing or wrong, so no digest can be composed.
    """
    context = settings.create_context(now)
    _end_pauses(ledger, now)
    with ledger.reading() as connection:
        due_times = find_due_times(connection, now, settings.batch_interval)
        waiting = list_waiting_subscribers(connection, due_times)
        if only_email is not None:
            person = subscriptions.find_subscriber_by_email(connection, only_email)
            waiting = [key for key in waiting if person is not None and key == person.id]
    queued = failed = done = 0
    for batch in _iter_batches(waiting):
        with ledger.writing() as connection:
            for compose in _compose_batch(connection, batch, due_times, context):
                composed = compose(None)
                done += 1
                on_progress(done, len(waiting))
                if composed is None:
                    failed += 1
                elif _queue_digest(connection, composed, now):
                    queued += composed.message is not None
                else:
                    again = compose(now)
                    queued += again is not None and _queue_digest(connection, again, now)
    if only_email is None:
        _finish_run(ledger, due_times, failed)
    return queued


def _end_pauses(ledger: Ledger, now: datetime) -> None:
    """Resume the alerts whose pause is over; on most runs there are none, and nothing is locked."""
    with ledger.reading() as connection:
        if not subscriptions.has_due_resumption(connection, now):
            return
    with ledger.writing() as connection:
        resumed = subscriptions.resume_due(connection, now)
    log.info("%d alerts are resumed: their pause is over", resumed)


def preview_due_digests(
    connection: Connection, settings: DigestSettings, now: datetime
) -> Iterator[DigestPreview]:
    """Yield the digests that are due at ``now``; write nothing."""
    context = msgspec.structs.replace(settings.create_context(now), sent_log=SentLog())
    due_times = find_due_times(connection, now, settings.batch_interval)
    waiting = list_waiting_subscribers(connection, due_times)
    for batch in _iter_batches(waiting):
        for compose in _compose_batch(connection, batch, due_times, context):
            composed = compose(None)
            if composed is not None and composed.message is not None:
                yield _preview_message(composed.message)


def load_sent_digest(connection: Connection, message_id: str, since: datetime) -> Digest | None:
    """Return the digest of a message, built anew from the changes that it was made of.

    Returns:
        None if there is no such digest, or it was composed before ``since``.
    """
    items = messages.list_digest_items(connection, message_id, since)
    found = changes.get(connection, sorted({item.change_seq for item in items}))
    matches = [
        DigestMatch(item.topic, found[item.change_seq], item.subscription_id)
        for item in items
        if item.change_seq in found
    ]
    if not matches:
        return None
    return build_digest(outline_entry(group) for group in group_by_question(matches).values())


def _iter_batches(subscriber_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(subscriber_ids), _SUBSCRIBERS_PER_TRANSACTION):
        yield subscriber_ids[start : start + _SUBSCRIBERS_PER_TRANSACTION]


def _compose_batch(
    connection: Connection,
    subscriber_ids: Sequence[int],
    due_times: DueTimes,
    context: DigestContext,
) -> Iterator[Callable[[datetime | None], ComposedDigest | None]]:
    """Yield what composes the digest of each of some subscribers, as :func:`_compose_or_log`."""
    pending = list(collect_pending(connection, subscriber_ids, due_times))
    numbers = {item.match.change_seq for items in pending for item in items.matches}
    found = context.entry_cache.get_changes(connection, numbers)
    for items in pending:
        yield partial(_compose_or_log, connection, items, found, context)


def _compose_or_log(
    connection: Connection,
    pending: PendingItems,
    found: Changes,
    context: DigestContext,
    repeated_at: datetime | None,
) -> ComposedDigest | None:
    """Return a digest; None after logging why it cannot be composed.

    ``repeated_at`` is None but for a second digest for the same due time.
    """
    try:
        list_digested = partial(messages.list_digested_changes, connection)
        return compose_digest(pending, found, context, list_digested, repeated_at)
    except (TemplatesError, DBAPIError):
        raise  # it concerns every digest: a template or the ledger must be mended
    except Exception:  # the boundary around one digest: a record that nobody foresaw
        log.exception("cannot compose the digest of subscriber %d", pending.subscriber.id)
        return None


def _queue_digest(connection: Connection, composed: ComposedDigest, now: datetime) -> bool:
    """Put a digest into the outbox, unless it is there already, and mark what it handles.

    Returns:
        False where its subscriber has had another digest for the same due time: the clock was set
        back since, or an alert was changed. Then nothing is marked.
    """
    if composed.message is not None and not messages.queue(connection, composed.message, now):
        return False
    handled = composed.handled
    due_subscriptions.mark_handled(connection, handled.subscriptions)
    followed_questions.mark_handled(
        connection, handled.overdue_subscriptions, handled.answered_subscriptions, now
    )
    return True


def _finish_run(ledger: Ledger, due_times: DueTimes, failed: int) -> None:
    """Raise or clear the alarm, and mark the due times of those who had nothing pending."""
    alarm = (
        {"compose": f"digests that could not be composed: {failed:,}; see the log"}
        if failed
        else {}
    )
    with ledger.writing() as connection:
        alarms.update_open(connection, None, alarm, ("compose",), due_times.now)
        for group, due in due_times.by_group.items():
            due_subscriptions.mark_empty_handled(connection, group, due, due_times.now)


def _preview_message(message: OutgoingMessage) -> DigestPreview:
    if not Recipient.from_normal_form(message.recipient).is_email:
        return DigestPreview(message, message.body.decode(), "")
    email = message_from_bytes(message.body, policy=policy.default)
    parts = (email.get_body(("plain",)), email.get_body(("html",)))
    text, html = (str(part.get_content()) if part else "" for part in parts)
    return DigestPreview(message, text, html)
