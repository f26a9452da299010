"""The step from outbox to inbox. The promise, and where it ends, is in ``docs/delivery.md``.

Each message's phase is committed before the step that it names, so whatever is killed, the ledger
knows which messages cannot have been accepted, and sends exactly those again.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

from alerts.bounces.apply import bounced
from alerts.bounces.return_path import return_path
from alerts.delivery.channels import (
    Channel,
    ContentRefused,
    DeliveryError,
    Envelope,
    InDoubt,
    Open,
    Postponed,
    Refused,
    Unavailable,
    Unwanted,
    way_for,
)
from alerts.delivery.outcomes import journal
from alerts.delivery.policy import DIGESTS, Pace, Terms, within_the_day
from alerts.ledger import Ledger, deliveries, messages, secrets
from alerts.ledger.bounces import BounceKind
from alerts.ledger.deliveries import Attempt
from alerts.ledger.messages import Message

#: Waits between attempts; the last one is repeated until a message is `_GIVE_UP` old.
_WAITS = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360, 720))
_GIVE_UP = timedelta(days=5)
#: So many messages are taken out of the outbox at once.
_CLAIMED = 64
_DAY = timedelta(days=1)


def deliver_due(
    ledger: Ledger,
    ways: Mapping[str, Channel],
    clock: Callable[[], datetime],
    terms: Terms | None = None,
    stopping: Callable[[], bool] = lambda: False,
    only: str | None = None,
) -> Counter[str]:
    """Send what is due, to one address where ``only`` is given.

    Counts ``sent``, ``retry``, ``failed``, ``content``, ``doubt``, ``held``,
    ``dropped``, and ``braked`` for what is over the day's number.

    ``ways`` are the channels by their names. Between two messages it looks whether it is to stop.
    Raises :class:`Unavailable` when a way out is shut; what was not sent stays queued.
    """
    terms = terms or Terms()
    done: Counter[str] = Counter()
    with ledger.reading() as connection:
        due = messages.due(connection, clock(), only)
        going = within_the_day(
            due, deliveries.sent_since(connection, clock() - _DAY, DIGESTS), terms
        )
    if len(going) < len(due):
        done["braked"] = len(due) - len(going)
    shut: list[Unavailable] = []
    for name, channel in ways.items():
        mine = [entry.id for entry in going if way_for(entry.recipient) == name]
        if mine:
            run = _Run(ledger, channel, clock, terms, stopping)
            done += run.go(mine)
            shut += run.shut
    if shut:
        raise shut[0]
    return done


class _Run:
    """Messages that leave by one channel, over as many connections as it takes."""

    def __init__(
        self,
        ledger: Ledger,
        channel: Channel,
        clock: Callable[[], datetime],
        terms: Terms,
        stopping: Callable[[], bool],
    ) -> None:
        self._ledger, self._channel, self._clock = ledger, channel, clock
        self._terms, self._stopping = terms, stopping
        self._pace = Pace(terms.per_second)
        self._done: Counter[str] = Counter()
        self._lock, self._lock_of_waiting = threading.Lock(), threading.Lock()
        self.shut: list[Unavailable] = []  #: why a connection could not be had

    def go(self, keys: Sequence[int]) -> Counter[str]:
        """Send them; what became of them, by outcome."""
        with self._ledger.writing() as connection:
            self._secret = secrets.get(connection, "return path")
        workers = max(1, min(self._channel.connections, len(keys)))
        with (
            closing(self._claimed(keys)) as self._waiting,
            journal(self._ledger, self._terms.already) as self._journal,
            ThreadPoolExecutor(workers, "delivery") as pool,
        ):
            crews = [pool.submit(self._work) for _ in range(workers)]
            for crew in crews:
                crew.result()
        if sum(self._done.values()) + len(self.shut) >= len(keys) and self._done:
            self.shut.clear()  # one connection too many was refused; the others did the work
        return self._done

    def _claimed(self, keys: Sequence[int]) -> Generator[Message, None, None]:
        """The messages, some at a time, in the phase that says that they may be sent."""
        for start in range(0, len(keys), _CLAIMED):
            if self._stopping():
                return
            yield from self._claim(keys[start : start + _CLAIMED])

    def _claim(self, keys: Sequence[int]) -> list[Message]:
        """Those that may be sent; the others are set aside for good, or until their time."""
        now = self._clock()
        with self._ledger.writing() as connection:
            wanted = messages.wanted(connection, keys)
            found = messages.get(connection, keys)
            doubtful = [m for m in found if m.phase == "dot" and m.id in wanted]
            taken = [m.id for m in doubtful if self._channel.has_taken(m.message_id)]
            before = [m.id for m in found if self._terms.already.holds(m.marks, now)]
            taken = sorted({*taken, *before} & wanted)
            held = [m.id for m in doubtful if m.id not in taken and self._terms.doubt == "hold"]
            dropped = [m.id for m in found if m.id not in wanted]
            proof = Attempt("sent", "it was sent: we or the mail server noted it", "sent", now)
            deliveries.attempted(connection, [(key, proof, now) for key in taken])
            messages.advance(connection, held, "held")
            messages.advance(connection, dropped, "dropped")
            aside = {*taken, *held, *dropped}
            going = [m for m in found if m.id not in aside]
            messages.advance(connection, [m.id for m in going], "sending")
        self._count(sent=len(taken), held=len(held), dropped=len(dropped))
        return going

    def _count(self, **outcomes: int) -> None:
        with self._lock:
            self._done += Counter(outcomes)  # which leaves out what is nothing

    def _next(self) -> Message | None:
        with self._lock_of_waiting:
            return next(self._waiting, None)

    def _work(self) -> None:
        """One connection's work, from opening to closing."""
        message = self._next()
        if message is None:
            return
        try:
            with self._channel.open() as way_out:
                while message is not None:
                    self._send(way_out, message)
                    message = None if self._stopping() else self._next()
        except Unavailable as error:
            if message is not None:
                self._journal.put_back(message.id)
            self.shut.append(error)

    def _send(self, way_out: Open, message: Message) -> None:
        """One attempt, recorded."""
        address = self._terms.return_address
        sender = return_path(address, message.id, self._secret) if address else None
        envelope = Envelope(message.message_id, sender, message.recipient, message.body)

        def about_to_hand_over() -> None:
            if not self._journal.about_to_hand_over(message.id):
                raise Unwanted("its reader has left")

        self._pace.wait()
        try:
            said = way_out.deliver(envelope, about_to_hand_over)
            attempt = Attempt("sent", said, "sent", self._clock())
        except Unwanted:
            self._count(dropped=1)
            return
        except Unavailable:
            raise
        except DeliveryError as error:
            attempt = _after(error, message, self._clock())
            self._blame(error, attempt, message)
        self._journal.tried(message, attempt, self._clock())
        self._count(**{attempt.outcome: 1})

    def _blame(self, error: DeliveryError, attempt: Attempt, message: Message) -> None:
        """A mailbox that refuses, or is never ready, is not tried with every digest to come."""
        if attempt.outcome != "failed":
            return
        kind: BounceKind = "soft" if isinstance(error, Postponed) else "hard"
        with self._ledger.writing() as connection:
            who = messages.subscriber_of(connection, message.id)
            report = f"{message.message_id} {message.attempts}"
            if who is not None:
                bounced(connection, who, kind, report, str(error), self._clock())


def _after(error: DeliveryError, message: Message, now: datetime) -> Attempt:
    """What follows from a failed attempt."""
    wait = _WAITS[min(message.attempts, len(_WAITS) - 1)]
    if isinstance(error, InDoubt):
        return Attempt("doubt", str(error), "dot", now + wait)
    if isinstance(error, ContentRefused):
        return Attempt("content", str(error), "failed", now)
    if isinstance(error, Postponed) and now - message.composed_at < _GIVE_UP:
        return Attempt("retry", str(error), "queued", now + wait)
    assert isinstance(error, Postponed | Refused)
    return Attempt("failed", str(error), "failed", now)
