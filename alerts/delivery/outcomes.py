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

from alerts.delivery.sent_log import Already
from alerts.ledger import Ledger, deliveries, messages
from alerts.ledger.deliveries import Attempt
from alerts.ledger.messages import Message

log = logging.getLogger("watchword.deliver")


class _Dot(msgspec.Struct, frozen=True):
    key: int


class _Tried(msgspec.Struct, frozen=True):
    key: int
    attempt: Attempt
    at: datetime


class _Back(msgspec.Struct, frozen=True):
    key: int


_Note = _Dot | _Tried | _Back
_Entry = tuple[_Note, "Future[bool]"]


class Journal:
    """Open for a run; all that was noted is on the disk when it is closed."""

    def __init__(self, ledger: Ledger, already: Already) -> None:
        self._ledger, self._already = ledger, already
        self._failure: BaseException | None = None
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()

    def about_to_hand_over(self, key: int) -> bool:
        """Note the phase ``dot``; False, and nothing noted, when nobody wants it any more."""
        return self._put(_Dot(key)).result()

    def tried(self, message: Message, attempt: Attempt, at: datetime) -> None:
        """Note how an attempt ended; not waited for, since the message is out of our hands."""
        if attempt.outcome == "sent":
            try:
                self._already.add(message.marks, at)
            except OSError:  # the ledger knows it too; only one from a backup would not
                log.exception("what was sent could not be noted beside the ledger")
        self._put(_Tried(message.id, attempt, at))

    def put_back(self, key: int) -> None:
        """Note that a message was not even tried."""
        self._put(_Back(key))

    def _put(self, note: _Note) -> Future[bool]:
        done: Future[bool] = Future()
        self._entries.put((note, done))
        return done

    def write(self) -> None:
        """Write what comes until the end is told; the work of the journal's thread."""
        while (first := self._entries.get()) is not None:
            group, is_over = self._group(first)
            self._commit(group)
            if is_over:
                return

    def _group(self, first: _Entry) -> tuple[list[_Entry], bool]:
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

    def _commit(self, group: Sequence[_Entry]) -> None:
        try:
            with self._ledger.writing() as connection:
                wanted = _written(connection, [note for note, _ in group])
        except BaseException as error:  # noqa: BLE001  # told to each who waits, and raised by them
            self._failure = error
            for _, done in group:
                done.set_exception(error)
            return
        for note, done in group:
            done.set_result(not isinstance(note, _Dot) or note.key in wanted)

    def end(self) -> None:
        """Let the thread end once all is written."""
        self._entries.put(None)

    def check(self) -> None:
        """Raise what kept anything from being written."""
        if self._failure is not None:
            raise self._failure


def _written(connection: Connection, notes: Sequence[_Note]) -> set[int]:
    """Write a group; the messages that may be handed over."""
    tried = [(note.key, note.attempt, note.at) for note in notes if isinstance(note, _Tried)]
    deliveries.attempted(connection, tried)
    messages.put_back(connection, [note.key for note in notes if isinstance(note, _Back)])
    dots = [note.key for note in notes if isinstance(note, _Dot)]
    wanted = messages.wanted(connection, dots) if dots else set()
    messages.advance(connection, sorted(wanted), "dot")
    messages.advance(connection, sorted(set(dots) - wanted), "dropped")
    return wanted


@contextmanager
def journal(ledger: Ledger, already: Already) -> Iterator[Journal]:
    """A journal, written by a thread of its own until the end of the block."""
    opened = Journal(ledger, already)
    thread = threading.Thread(target=opened.write, name="journal")
    thread.start()
    try:
        yield opened
    finally:
        opened.end()
        thread.join()
    opened.check()
