"""What happens to messages on their way, committed in groups.

Every connection has to have a message's step on the disk before it takes it. One thread writes for
all of them: whatever came while it was committing goes into its next transaction, so eight
connections wait for one disk and not for each other.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.delivery.sent_log import SentLog
from alerts.ledger import Ledger, deliveries, messages
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message

log = logging.getLogger("watchword.deliver")


class _HandingOver(msgspec.Struct, frozen=True):
    key: int


class _Attempted(msgspec.Struct, frozen=True):
    key: int
    attempt: DeliveryAttempt
    at: datetime


class _Requeued(msgspec.Struct, frozen=True):
    key: int


_Event = _HandingOver | _Attempted | _Requeued
_PendingEvent = tuple[_Event, "Future[bool]"]


class OutcomeWriter:
    """Open for a run; all that was noted is on the disk when it is closed."""

    def __init__(self, ledger: Ledger, sent_log: SentLog) -> None:
        self._ledger, self._sent_log = ledger, sent_log
        self._failure: BaseException | None = None
        self._entries: queue.SimpleQueue[_PendingEvent | None] = queue.SimpleQueue()

    def record_handing_over(self, key: int) -> bool:
        """Note the phase ``dot``; False, and nothing noted, when nobody wants it any more."""
        return self._enqueue(_HandingOver(key)).result()

    def record_attempt(self, message: Message, attempt: DeliveryAttempt, at: datetime) -> None:
        """Note how an attempt ended; not waited for, since the message is out of our hands."""
        if attempt.outcome == "sent":
            try:
                self._sent_log.add(message.sent_log_data, at)
            except OSError:  # the ledger knows it too; only one from a backup would not
                log.exception("what was sent could not be noted beside the ledger")
        self._enqueue(_Attempted(message.id, attempt, at))

    def requeue(self, key: int) -> None:
        """Note that a message was not even tried."""
        self._enqueue(_Requeued(key))

    def _enqueue(self, note: _Event) -> Future[bool]:
        done: Future[bool] = Future()
        self._entries.put((note, done))
        return done

    def run(self) -> None:
        """Write what comes until the end is told; the work of the journal's thread."""
        while (first := self._entries.get()) is not None:
            group, is_over = self._collect_group(first)
            self._commit(group)
            if is_over:
                return

    def _collect_group(self, first: _PendingEvent) -> tuple[list[_PendingEvent], bool]:
        """All that waits, and whether the end was among it."""
        group = [first]
        while True:
            try:
                entry = self._entries.get_nowait()
            except queue.Empty:
                return group, False
            if entry is None:
                return group, True
            group.append(entry)

    def _commit(self, group: Sequence[_PendingEvent]) -> None:
        try:
            with self._ledger.writing() as connection:
                wanted = _write_events(connection, [note for note, _ in group])
        except BaseException as error:  # noqa: BLE001  # told to each who waits, and raised by them
            self._failure = error
            for _, done in group:
                done.set_exception(error)
            return
        for note, done in group:
            done.set_result(not isinstance(note, _HandingOver) or note.key in wanted)

    def finish(self) -> None:
        """Let the thread end once all is written."""
        self._entries.put(None)

    def raise_failure(self) -> None:
        """Raise what kept anything from being written."""
        if self._failure is not None:
            raise self._failure


def _write_events(connection: Connection, notes: Sequence[_Event]) -> set[int]:
    """Write a group; the messages that may be handed over."""
    tried = [(note.key, note.attempt, note.at) for note in notes if isinstance(note, _Attempted)]
    deliveries.record_attempts(connection, tried)
    messages.mark_untried(connection, [note.key for note in notes if isinstance(note, _Requeued)])
    dots = [note.key for note in notes if isinstance(note, _HandingOver)]
    wanted = messages.filter_deliverable(connection, dots) if dots else set()
    messages.set_phase(connection, sorted(wanted), "handing_over")
    messages.set_phase(connection, sorted(set(dots) - wanted), "dropped")
    return wanted


@contextmanager
def open_outcome_writer(ledger: Ledger, sent_log: SentLog) -> Iterator[OutcomeWriter]:
    """A journal, written by a thread of its own until the end of the block."""
    opened = OutcomeWriter(ledger, sent_log)
    thread = threading.Thread(target=opened.run, name="journal")
    thread.start()
    try:
        yield opened
    finally:
        opened.finish()
        thread.join()
    opened.raise_failure()
