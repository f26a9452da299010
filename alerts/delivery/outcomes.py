"""Writing what happens to messages into the ledger, in groups.

Each connection needs a message's phase on the disk before it takes the step. One thread writes for
all of them: whatever arrived while it was committing goes into its next transaction, so eight
connections wait for one disk and not for each other.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.delivery.sent_log import SentLog, SentLogError
from alerts.delivery.watch import DeliveryWatch
from alerts.ledger import Ledger, LedgerUnavailable, WriterLost, deliveries, messages
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message

log = logging.getLogger("watchword.deliver")

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
    message_id: int


class _Attempted(msgspec.Struct, frozen=True):
    message_id: int
    attempt: DeliveryAttempt
    at: datetime


class _Requeued(msgspec.Struct, frozen=True):
    message_id: int


_Event: TypeAlias = _HandingOver | _Attempted | _Requeued
#: An event, and the future that tells its sender whether the message is still wanted.
_PendingEvent: TypeAlias = tuple[_Event, "Future[bool]"]


class OutcomeWriter:
    """A queue of events that one thread writes; see :func:`open_outcome_writer`."""

    def __init__(self, ledger: Ledger, sent_log: SentLog) -> None:
        self._ledger, self._sent_log = ledger, sent_log
        self._events: queue.SimpleQueue[_PendingEvent | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None

    def record_handing_over(self, message_id: int) -> bool:
        """Commit that a message is about to be handed over.

        Returns:
            False, with the message dropped instead, when nobody wants it any more.
        """
        return self._enqueue(_HandingOver(message_id)).result()

    def record_attempt(self, message: Message, attempt: DeliveryAttempt, at: datetime) -> None:
        """Record how an attempt ended, without waiting: the message is out of our hands."""
        if attempt.outcome == "sent":
            try:
                self._sent_log.add(message.sent_log_data, at)
            except SentLogError as error:
                # The ledger knows it too. Only a ledger from a backup would not.
                log.error("the sent log does not know message %d: %s", message.id, error)
        self._enqueue(_Attempted(message.id, attempt, at))

    def requeue(self, message_id: int) -> None:
        """Record that a message was not tried, and queue it again."""
        self._enqueue(_Requeued(message_id))

    def _enqueue(self, event: _Event) -> Future[bool]:
        done: Future[bool] = Future()
        self._events.put((event, done))
        return done

    def run(self) -> None:
        """Write events until :meth:`finish` is called. This is the work of the writer's thread."""
        while (first := self._events.get()) is not None:
            group, is_last = self._collect_group(first)
            self._commit(group)
            if is_last:
                return

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
            wanted = self._write(events)
        except BaseException as error:  # noqa: BLE001  # passed on to everyone who waits
            self._failure = error
            for _, done in group:
                done.set_exception(error)
            return
        for event, done in group:
            done.set_result(not isinstance(event, _HandingOver) or event.message_id in wanted)

    def _write(self, events: Sequence[_Event]) -> set[int]:
        """Write events, again and again for a while if the ledger cannot be used.

        Raises:
            WriterLost: Another process has become the writer. How attempts ended is recorded all
                the same, where no other process has made another attempt.
            LedgerUnavailable: Nothing could be written.
        """
        end = time.monotonic() + (_RECORDING_PERIOD if self._failure is None else 0.0)
        is_first = True
        while True:
            try:
                with self._ledger.writing() as connection:
                    known = events if is_first else self._drop_recorded(connection, events)
                    return _write_events(connection, known)
            except WriterLost:
                self._write_attempts_alone(events)
                raise
            except LedgerUnavailable as error:
                if time.monotonic() > end:
                    raise
                if is_first:
                    log.warning("%s; trying to record deliveries again", error)
            is_first = False
            time.sleep(_RECORDING_PAUSE)

    def _write_attempts_alone(self, events: Sequence[_Event]) -> None:
        """Record the attempts at messages that nobody else has claimed since."""
        made = [event for event in events if isinstance(event, _Attempted)]
        if made:
            with self._ledger.as_bystander().writing() as connection:
                _write_events(connection, self._drop_recorded(connection, made))

    def _drop_recorded(self, connection: Connection, events: Sequence[_Event]) -> list[_Event]:
        """Return the events without attempts at messages that are not this writer's any more.

        A transaction whose end was not seen may have been committed: it is not written twice.
        """
        keys = [event.message_id for event in events if isinstance(event, _Attempted)]
        mine = messages.filter_claimed(connection, keys, self._ledger.epoch)
        return [e for e in events if not isinstance(e, _Attempted) or e.message_id in mine]

    def finish(self) -> None:
        """Let the thread end once everything is written."""
        self._events.put(None)

    def raise_failure(self) -> None:
        """Raise the error that kept an event from being written, if there was one."""
        if self._failure is not None:
            raise self._failure


def _write_events(connection: Connection, events: Sequence[_Event]) -> set[int]:
    """Write a group of events; return the messages that may be handed over."""
    attempts = [(e.message_id, e.attempt, e.at) for e in events if isinstance(e, _Attempted)]
    deliveries.record_attempts(connection, attempts)
    untried = [event.message_id for event in events if isinstance(event, _Requeued)]
    messages.mark_untried(connection, untried)
    leaving = [event.message_id for event in events if isinstance(event, _HandingOver)]
    wanted = messages.filter_deliverable(connection, leaving) if leaving else set()
    messages.mark_handing_over(connection, sorted(wanted))
    messages.set_phase(connection, sorted(set(leaving) - wanted), "dropped")
    return wanted


@contextmanager
def open_outcome_writer(ledger: Ledger, sent_log: SentLog) -> Iterator[OutcomeWriter]:
    """Start a writer with its thread; at the end of the block everything is on the disk.

    Raises whatever kept an event from being written.
    """
    writer = OutcomeWriter(ledger, sent_log)
    thread = threading.Thread(target=writer.run, name="outcomes")
    thread.start()
    try:
        yield writer
    finally:
        writer.finish()
        thread.join()
    writer.raise_failure()
