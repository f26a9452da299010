"""Writing what happens to messages into the ledger, in groups.

Each connection needs a message's phase on the disk before it takes the step. One thread writes for
all of them: whatever arrived while it was committing goes into its next transaction, so eight
connections wait for one disk and not for each other.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.delivery.channel_run import ChannelRun
from alerts.delivery.sent_log import SentLog, SentLogError
from alerts.delivery.watch import DeliveryWatch
from alerts.ledger import LedgerUnavailable, WriterLost, claims, deliveries, messages
from alerts.ledger.claims import HeldMessage, LeasePeriods
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message
from crawler.event_log import get_logger

log = get_logger("watchword.deliver")

#: Seconds for which to try to record what happened: a database restarts in less, and the mail
#: server waits longer for the end of a message (five minutes: RFC 5321, section 4.5.3.2).
_RECORDING_PERIOD = 60.0
#: Seconds between two tries.
_RECORDING_PAUSE = 0.5


class OutcomeCounter:
    """Counts of outcomes that several threads add to."""

    def __init__(self, watch: DeliveryWatch) -> None:
        self._watch = watch
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, **outcomes: int) -> None:
        """Add to the counts: ``add(sent=3)``. Outcomes with the count 0 are left out."""
        with self._lock:
            self._counts += Counter(outcomes)
        self._watch.count(sum(outcomes.values()))

    def get(self) -> Counter[str]:
        """Return a copy of the counts."""
        with self._lock:
            return self._counts.copy()


class _HandingOver(msgspec.Struct, frozen=True):
    message: Message


class _Attempted(msgspec.Struct, frozen=True):
    message: Message
    attempt: DeliveryAttempt
    at: datetime


class _Requeued(msgspec.Struct, frozen=True):
    message: Message


_Event: TypeAlias = _HandingOver | _Attempted | _Requeued
#: Whether a message may be handed over, is not wanted any more, or is another delivery's.
HandoverReply: TypeAlias = Literal["granted", "unwanted", "overtaken"]
#: An event, and the future that tells its sender whether the message may be handed over.
_PendingEvent: TypeAlias = tuple[_Event, "Future[HandoverReply]"]


class OutcomeWriter:
    """A queue of events that one thread writes; see :func:`open_outcome_writer`."""

    def __init__(self, run: ChannelRun, sent_log: SentLog, periods: LeasePeriods) -> None:
        self._run, self._sent_log, self._periods = run, sent_log, periods
        self._ledger = run.ledger
        self._renewed_at = time.monotonic()
        self._events: queue.SimpleQueue[_PendingEvent | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None

    def record_handing_over(self, message: Message) -> HandoverReply:
        """Commit that a message is about to be handed over.

        Returns:
            "unwanted", with the message dropped instead, when nobody wants it any more;
            "overtaken", with nothing written, when another delivery has claimed it.
        """
        return self._enqueue(_HandingOver(message)).result()

    def record_attempt(self, message: Message, attempt: DeliveryAttempt, at: datetime) -> None:
        """Record how an attempt ended, without waiting: the message is out of our hands."""
        if attempt.outcome == "sent":
            try:
                self._sent_log.add(message.sent_log_data, at)
            except SentLogError as error:
                # The ledger knows it too. Only a ledger from a backup would not.
                log.error("the sent log cannot be written", message=message.id, reason=error)
        self._enqueue(_Attempted(message, attempt, at))

    def requeue(self, message: Message) -> None:
        """Record that a message was not tried, and queue it again."""
        self._enqueue(_Requeued(message))

    def _enqueue(self, event: _Event) -> Future[HandoverReply]:
        done: Future[HandoverReply] = Future()
        self._events.put((event, done))
        return done

    def run(self) -> None:
        """Write events until :meth:`finish` is called. This is the work of the writer's thread.

        It renews the leases of the delivery as well, so that a slow server costs no claim.
        """
        is_last = False
        while not is_last:
            self._renew_leases()
            try:
                first = self._events.get(timeout=self._periods.renewal.total_seconds())
            except queue.Empty:
                continue
            if first is None:
                return
            group, is_last = self._collect_group(first)
            self._commit(group)

    def _renew_leases(self) -> None:
        """Renew the leases when it is time, and if the ledger can be used."""
        if time.monotonic() - self._renewed_at < self._periods.renewal.total_seconds():
            return
        self._renewed_at = time.monotonic()
        try:
            with self._ledger.writing_shard() as connection:
                self._run.renew(connection, self._periods)
        except (LedgerUnavailable, WriterLost) as error:
            log.warning("the leases of the delivery are not renewed yet", reason=error)

    def _collect_group(self, first: _PendingEvent) -> tuple[list[_PendingEvent], bool]:
        """Return all events that wait, and whether the end mark was among them."""
        group = [first]
        while True:
            try:
                pending = self._events.get_nowait()
            except queue.Empty:
                return group, False
            if pending is None:
                return group, True
            group.append(pending)

    def _commit(self, group: Sequence[_PendingEvent]) -> None:
        events = [event for event, _ in group]
        try:
            replies = self._write(events)
        except BaseException as error:  # noqa: BLE001  # passed on to everyone who waits
            self._failure = error
            for _, done in group:
                done.set_exception(error)
            return
        for event, done in group:
            done.set_result(replies.get(event.message.id, "granted"))

    def _write(self, events: Sequence[_Event]) -> dict[int, HandoverReply]:
        """Write events, again and again for a while if the ledger cannot be used.

        A transaction whose end was not seen may have been committed. It is not written twice: what
        was recorded is held by nobody.

        Raises:
            WriterLost: Another process has become the writer. How attempts ended is recorded all
                the same, where no other delivery has claimed the message.
            LedgerUnavailable: Nothing could be written.
        """
        end = time.monotonic() + (_RECORDING_PERIOD if self._failure is None else 0.0)
        is_first = True
        while True:
            try:
                with self._ledger.writing_shard() as connection:
                    return self._write_events(connection, events)
            except WriterLost:
                self._write_attempts_alone(events)
                raise
            except LedgerUnavailable as error:
                if time.monotonic() > end:
                    raise
                if is_first:
                    log.warning("trying to record deliveries again", reason=error)
            is_first = False
            time.sleep(_RECORDING_PAUSE)

    def _write_attempts_alone(self, events: Sequence[_Event]) -> None:
        """Record the attempts at messages that nobody else has claimed since."""
        made = [event for event in events if isinstance(event, _Attempted)]
        if made:
            with self._ledger.as_bystander().writing_shard() as connection:
                self._write_events(connection, made)

    def _write_events(
        self, connection: Connection, events: Sequence[_Event]
    ) -> dict[int, HandoverReply]:
        """Write the events of messages that this delivery still holds.

        Returns:
            The ids of the messages that may not be handed over, with the reason.
        """
        keys = sorted({event.message.id for event in events})
        held = claims.lock_held(connection, keys, self._run.holder)
        mine = [e for e in events if e.message.id in held and _is_same(e, held[e.message.id])]
        replies: dict[int, HandoverReply] = dict.fromkeys(keys, "overtaken")
        replies |= {event.message.id: "granted" for event in mine}
        attempts = [(e.message.id, e.attempt, e.at) for e in mine if isinstance(e, _Attempted)]
        deliveries.record_attempts(connection, attempts)
        untried = [event.message.id for event in mine if isinstance(event, _Requeued)]
        claims.mark_untried(connection, untried)
        leaving = {event.message.id for event in mine if isinstance(event, _HandingOver)}
        wanted = messages.filter_deliverable(connection, sorted(leaving)) if leaving else set()
        # One that was marked before is sent again over a new connection, as the same attempt.
        fresh = [key for key in sorted(wanted) if held[key].phase == "sending"]
        claims.mark_handing_over(connection, fresh, self._periods)
        messages.set_phase(connection, sorted(leaving - wanted), "dropped")
        return replies | dict.fromkeys(leaving - wanted, "unwanted")

    def finish(self) -> None:
        """Let the thread end once everything is written."""
        self._events.put(None)

    def raise_failure(self) -> None:
        """Raise the error that kept an event from being written, if there was one."""
        if self._failure is not None:
            raise self._failure


def _is_same(event: _Event, held: HeldMessage) -> bool:
    """Whether an event belongs to the claim by which a message is held now."""
    return event.message.claim_epoch == held.claim_epoch


@contextmanager
def open_outcome_writer(
    run: ChannelRun, sent_log: SentLog, periods: LeasePeriods
) -> Iterator[OutcomeWriter]:
    """Start a writer with its thread; at the end of the block everything is on the disk.

    Raises whatever kept an event from being written.
    """
    writer = OutcomeWriter(run, sent_log, periods)
    thread = threading.Thread(target=writer.run, name="outcomes")
    thread.start()
    try:
        yield writer
    finally:
        writer.finish()
        thread.join()
    writer.raise_failure()
