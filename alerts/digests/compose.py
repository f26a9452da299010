"""The step from match to message.

For each subscriber who is due, the matches not yet sent become one digest, rendered to the bytes
that go out. The message and how far its subscriptions are served are one transaction, so a run
that is killed can be repeated without losing or doubling anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from email import message_from_bytes, policy

import msgspec
from sqlalchemy import Connection

from alerts.digests.batch import compose_batch, list_messages
from alerts.digests.digest import Digest, build_digest
from alerts.digests.drafts import DigestRun, DraftBatch, DraftSettings, draft_in_processes
from alerts.digests.entries import DigestMatch, group_by_question, outline_entry
from alerts.digests.subscriber_digest import DigestSettings
from alerts.ledger import (
    Ledger,
    alarms,
    changes,
    digest_rounds,
    due_subscribers,
    due_sweep,
    messages,
    subscriptions,
)
from alerts.mail import OutgoingMessage
from alerts.model import Recipient
from crawler.event_log import get_logger

log = get_logger("watchword.compose")

_ALARM = "compose"
#: The piece of a round that comes before composing.
_BEGINNING = "begin"


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
    pieces: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Put the digests that are due into the outbox: one round, or some pieces of it.

    A digest that cannot be composed is logged, raises the alarm ``compose``, and is tried again in
    the next round; it holds up no other.

    Args:
        ledger: The ledger.
        settings: How they are written.
        now: The present, in UTC.
        only_email: The normal form of an address, where only this subscriber's are wanted.
        pieces: Those of :func:`list_waiting_pieces` that are wanted; None for all.
        on_progress: Called after each subscriber with the number of those that are done, and of
            all to whom something may be due.

    Returns:
        How many messages are new in the outbox.

    Raises:
        TemplatesError: A template is missing or wrong, so no digest can be composed.
        SentLogError: It cannot be read what was sent, so none can be composed either.
    """
    if only_email is not None:
        return _compose_for(ledger, settings, now, only_email, on_progress)
    if pieces is None or _BEGINNING in pieces:
        _begin_round(ledger, now)
    with ledger.reading() as connection:
        numbers = (
            due_subscribers.list_waiting_ranges(connection, now)
            if pieces is None
            else [int(piece) for piece in pieces if piece != _BEGINNING]
        )
        total = due_subscribers.count_waiting(connection, now, numbers)
    progress = _LookCount(total, on_progress)
    queued = _compose_ranges(ledger, settings, now, numbers, progress)
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
        log.error(
            "subscribers would have been missed: please report this", subscribers=len(step.missed)
        )


def _end_pauses(ledger: Ledger, now: datetime) -> None:
    """Resume the alerts whose pause is over; on most runs there are none, and nothing is locked."""
    with ledger.reading() as connection:
        if not subscriptions.has_due_resumption(connection, now):
            return
    with ledger.writing() as connection:
        resumed = subscriptions.resume_due(connection, now)
    log.info("alerts are resumed: their pause is over", alerts=resumed)


def preview_due_digests(
    connection: Connection, settings: DigestSettings, now: datetime
) -> Iterator[DigestPreview]:
    """Yield the digests that are due at ``now``; write nothing."""
    run = DigestRun(msgspec.structs.replace(settings, sent_log=None), now)
    after = -1
    while some := due_subscribers.list_waiting(
        connection, now, after=after, limit=settings.batch_size
    ):
        after = some[-1]
        for message in list_messages(connection, some, run):
            yield _preview_message(message)


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
        self._done, self.total, self._on_progress = 0, total, on_progress

    def add(self, number: int) -> None:
        for _ in range(number):
            self._done += 1
            self._on_progress(self._done, max(self._done, self.total))


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
    with ledger.writing_shard() as connection:
        due_subscribers.add(connection, [person.id])
        queued = compose_batch(connection, [person.id], DigestRun(settings, now))
    on_progress(1, 1)
    return queued


def _compose_ranges(
    ledger: Ledger,
    settings: DigestSettings,
    now: datetime,
    numbers: Sequence[int],
    progress: _LookCount,
) -> int:
    run = DigestRun(settings, now)
    drafted = _iter_drafted(ledger, settings, now, numbers, progress.total)
    queued = 0
    with closing(drafted):  # an error ends the processes now
        for batch, drafts in drafted:
            with ledger.writing_shard() as connection:
                queued += compose_batch(connection, batch, run, drafts)
            progress.add(len(batch))
    if run.drafts_used:
        log.info("digests were written ahead in other processes", digests=run.drafts_used)
    return queued


def _iter_drafted(
    ledger: Ledger, settings: DigestSettings, now: datetime, numbers: Sequence[int], total: int
) -> Generator[tuple[Sequence[int], DraftBatch | None], None, None]:
    """Yield the batches of some ranges, with drafts where ``total`` is worth the processes."""
    batches = _iter_batches(ledger, settings.batch_size, now, numbers)
    if settings.processes > 1 and total >= settings.min_drafted:
        start = DraftSettings.build(ledger, settings, now)
        yield from draft_in_processes(start, batches, settings.processes)
    else:
        yield from ((batch, None) for batch in batches)


def _iter_batches(
    ledger: Ledger, size: int, now: datetime, numbers: Iterable[int]
) -> Iterator[list[int]]:
    """Yield the subscribers of some ranges to look at, as many as one transaction composes for."""
    for number in numbers:
        after = -1
        while True:
            with ledger.reading() as connection:
                some = due_subscribers.list_waiting(
                    connection, now, number, after=after, limit=size
                )
            if not some:
                break
            yield some
            after = some[-1]


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
