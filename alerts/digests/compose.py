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
from alerts.digests.pending_items import Look, PendingItems, look_at
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
    digest_rounds,
    due_subscribers,
    due_subscriptions,
    due_sweep,
    followed_questions,
    messages,
    subscriptions,
    topic_ranges,
)
from alerts.ledger.due_calendar import DueCalendar
from alerts.ledger.due_subscriptions import DigestGroup, SubscriptionState
from alerts.mail import MailIdentity, OutgoingMessage
from alerts.model import Recipient
from alerts.rendering import Templates, TemplatesError

log = logging.getLogger("watchword.compose")

#: Subscribers of one transaction: 200 digests take 0.2 to 1 s, and on SQLite others wait for it.
_BATCH_SIZE = 200
#: After which it is looked again at subscribers some of whose topics are not matched yet: a range
#: is matched with the changes of a crawl in some seconds.
_MATCHING_PAUSE = timedelta(seconds=10)
_ALARM = "compose"
#: The piece of a round that comes before composing.
_BEGINNING = "begin"


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
    piece: str | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Put the digests that are due into the outbox: one round, or a piece of it.

    A digest that cannot be composed is logged, raises the alarm ``compose``, and is tried again in
    the next round; it holds up no other.

    Args:
        ledger: The ledger.
        settings: How they are written.
        now: The present, in UTC.
        only_email: The normal form of an address, where only this subscriber's are wanted.
        piece: The one of :func:`list_waiting_pieces` that is wanted; None for all.
        on_progress: Called after each subscriber with the number of those that are done, and of
            all to whom something may be due; not for one piece.

    Returns:
        How many messages are new in the outbox.

    Raises:
        TemplatesError: A template is missing or wrong, so no digest can be composed.
    """
    if piece is not None:
        return _compose_piece(ledger, settings, now, piece)
    if only_email is not None:
        return _compose_for(ledger, settings, now, only_email, on_progress)
    _begin_round(ledger, now)
    with ledger.reading() as connection:
        numbers = due_subscribers.list_waiting_ranges(connection, now)
        total = due_subscribers.count_waiting(connection, now) if numbers else 0
    progress = _LookCount(total, on_progress)
    queued = sum(_compose_range(ledger, settings, now, number, progress) for number in numbers)
    _update_alarm(ledger, now)
    return queued


def list_waiting_pieces(connection: Connection, now: datetime) -> list[str]:
    """Return the pieces into which composing is divided, as far as they wait.

    The first one comes before composing, the others are ranges of subscribers to whom something may
    be due. Any number of processes may do one each, also the same one: each digest is composed
    once. One that is killed loses nothing, because each transaction is complete.
    """
    begins = [_BEGINNING] if _is_round_due(connection, now) else []
    return begins + [str(number) for number in due_subscribers.list_waiting_ranges(connection, now)]


def _compose_piece(ledger: Ledger, settings: DigestSettings, now: datetime, piece: str) -> int:
    if piece == _BEGINNING:
        _begin_round(ledger, now)
        return 0
    count = _LookCount(0, lambda _done, _all: None)
    queued = _compose_range(ledger, settings, now, int(piece), count)
    _update_alarm(ledger, now)
    return queued


def _is_round_due(connection: Connection, now: datetime) -> bool:
    """Return whether :func:`_begin_round` has anything to do; most rounds it has not."""
    return (
        subscriptions.has_due_resumption(connection, now)
        or digest_rounds.is_missing(connection, now)
        or due_sweep.is_waiting(connection, now)
    )


def _begin_round(ledger: Ledger, now: datetime) -> None:
    """Do what comes before composing: end pauses, and find what has become due with the time.

    Any number of processes may do so at once.
    """
    with ledger.reading() as connection:
        if not _is_round_due(connection, now):
            return
    _end_pauses(ledger, now)
    with ledger.reading() as connection:
        is_new = digest_rounds.is_missing(connection, now)
        step = (
            due_sweep.find_next_step(connection, now)
            if due_sweep.is_waiting(connection, now)
            else None
        )
    with ledger.writing_shard() as connection:
        if is_new:
            digest_rounds.record(connection, now)
        is_taken = step is not None and due_sweep.take_step(connection, step)
    if step is not None and step.before is not None and is_taken and step.missed:
        log.error("%d subscribers would have been missed: please report this", len(step.missed))


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
    calendar = DueCalendar(now, settings.batch_interval)
    after = -1
    while some := due_subscribers.list_waiting(connection, now, after=after, limit=_BATCH_SIZE):
        after = some[-1]
        for compose in _list_composers(connection, look_at(connection, some, calendar), context):
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


class _LookCount:
    """Counts the subscribers who were looked at."""

    def __init__(self, total: int, on_progress: Callable[[int, int], None]) -> None:
        self._done, self._total, self._on_progress = 0, total, on_progress

    def add(self, number: int) -> None:
        for _ in range(number):
            self._done += 1
            self._on_progress(self._done, max(self._done, self._total))


def _compose_for(
    ledger: Ledger,
    settings: DigestSettings,
    now: datetime,
    email: str,
    on_progress: Callable[[int, int], None],
) -> int:
    """Put one subscriber's digest into the outbox, if one is due; return the number of messages."""
    _end_pauses(ledger, now)
    with ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, email)
    if person is None:
        return 0
    context, calendar = settings.create_context(now), DueCalendar(now, settings.batch_interval)
    with ledger.writing_shard() as connection:
        due_subscribers.add(connection, [person.id])
        queued = _compose_batch(connection, [person.id], calendar, context)
    on_progress(1, 1)
    return queued


def _compose_range(
    ledger: Ledger, settings: DigestSettings, now: datetime, number: int, progress: _LookCount
) -> int:
    context, calendar = settings.create_context(now), DueCalendar(now, settings.batch_interval)
    queued, after = 0, -1
    while True:
        with ledger.reading() as connection:
            some = due_subscribers.list_waiting(
                connection, now, number, after=after, limit=_BATCH_SIZE
            )
        if not some:
            return queued
        with ledger.writing_shard() as connection:
            queued += _compose_batch(connection, some, calendar, context)
        progress.add(len(some))
        after = some[-1]


def _compose_batch(
    connection: Connection,
    subscriber_ids: Sequence[int],
    calendar: DueCalendar,
    context: DigestContext,
) -> int:
    """Compose what is due to some subscribers, and note when to look at them again.

    Returns:
        How many messages are new in the outbox.
    """
    claimed = due_subscribers.claim(connection, subscriber_ids, calendar.now)
    # One range of topics may be matched with a change before another: a question that matches
    # topics of both must not come in two digests.
    up_to = topic_ranges.get_match_progress(connection)
    look = look_at(connection, [one.id for one in claimed], calendar, up_to)
    due_subscribers.put_off(connection, sorted(look.early), calendar.now + _MATCHING_PAUSE)
    queued, failed, again = _queue_digests(connection, look, calendar.now, context)
    settled = [one.id for one in claimed if one.is_settled and one.id not in look.early]
    _mark_empty_handled(connection, settled, calendar)
    due_subscribers.mark_failed(connection, failed)
    next_looks = {key: moment for key, moment in look.next_looks.items() if key not in failed}
    due_subscribers.set_next(connection, next_looks | dict.fromkeys(again, calendar.now))
    return queued


def _queue_digests(
    connection: Connection, look: Look, now: datetime, context: DigestContext
) -> tuple[int, list[int], list[int]]:
    """Put the digests that are due into the outbox.

    Returns:
        How many messages are new in it, the subscribers whose digest could not be composed, and
        those who are to be looked at again in the next round.
    """
    queued, failed, again = 0, [], []
    composers = _list_composers(connection, look, context)
    for items, compose in zip(look.pending, composers, strict=True):
        composed = compose(None)
        if composed is not None and not _queue_digest(connection, composed, now):
            composed = compose(now)
            if composed is not None:
                _queue_digest(connection, composed, now)
        if composed is None:
            failed.append(items.subscriber.id)
            continue
        queued += composed.message is not None
        if composed.handled.put_off:
            again.append(items.subscriber.id)
    return queued, failed, again


def _mark_empty_handled(
    connection: Connection, subscriber_ids: Sequence[int], calendar: DueCalendar
) -> None:
    """Record the due times at which subscribers who were changed since had nothing pending.

    From now on, the rounds tell which later ones are handled.
    """
    states: dict[DigestGroup, list[SubscriptionState]] = {}
    for state in due_subscriptions.list_states(connection, subscriber_ids, is_sent=False):
        if not state.group.frequency.is_immediate:
            states.setdefault(state.group, []).append(state)
    for group, some in states.items():
        due = calendar.get_due(connection, group).due
        due_subscribers.mark_handled_until(connection, some, due, calendar.now)


def _list_composers(
    connection: Connection, look: Look, context: DigestContext
) -> Iterator[Callable[[datetime | None], ComposedDigest | None]]:
    """Yield what composes the digest of each who is due, as :func:`_compose_or_log`."""
    numbers = {item.match.change_seq for items in look.pending for item in items.matches}
    found = context.entry_cache.get_changes(connection, numbers)
    for items in look.pending:
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
    due_subscriptions.mark_passed(connection, handled.put_off)
    followed_questions.mark_handled(
        connection, handled.overdue_subscriptions, handled.answered_subscriptions, now
    )
    return True


def _update_alarm(ledger: Ledger, now: datetime) -> None:
    """Raise or clear the alarm about digests that cannot be composed, where that has changed."""
    with ledger.reading() as connection:
        failed = due_subscribers.count_failed(connection)
        known = [one.reason for one in alarms.list_open(connection) if one.kind == _ALARM]
    raised: dict[str, str] = {}
    if failed:
        raised[_ALARM] = f"digests that could not be composed: {failed:,}; see the log"
    if known == list(raised.values()):
        return
    with ledger.writing() as connection:
        alarms.update_open(connection, None, raised, (_ALARM,), now)


def _preview_message(message: OutgoingMessage) -> DigestPreview:
    if not Recipient.from_normal_form(message.recipient).is_email:
        return DigestPreview(message, message.body.decode(), "")
    email = message_from_bytes(message.body, policy=policy.default)
    parts = (email.get_body(("plain",)), email.get_body(("html",)))
    text, html = (str(part.get_content()) if part else "" for part in parts)
    return DigestPreview(message, text, html)
