"""Taking messages out of the outbox, a few at a time, for several connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.delivery.breaker import ChannelBreaker
from alerts.delivery.channel import ChannelSettings
from alerts.delivery.outcomes import OutcomeCounter
from alerts.delivery.policy import DeliveryPolicy
from alerts.delivery.sent_log import SentLog
from alerts.delivery.watch import DeliveryWatch
from alerts.ledger import Ledger, deliveries, messages
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message

#: Messages that are claimed in one transaction and kept in memory: 64 digests of 14 kB = 0.9 MB.
_CLAIM_SIZE = 64

#: A message in doubt is sent again while it is no older than this: as long as others are retried.
_MAX_DOUBT_AGE = timedelta(days=5)
#: A message is held when the process was killed so often while it was handed over: then this
#: message may be the cause. More than for other doubts, because a kill seldom has to do with it.
_MAX_UNFINISHED = 5


@dataclass(frozen=True)
class DeliveryContext:
    """What every step of a delivery needs."""

    ledger: Ledger
    clock: Callable[[], datetime]
    policy: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    sent_log: SentLog = field(default_factory=SentLog)
    watch: DeliveryWatch = field(default_factory=DeliveryWatch)


class ClaimedMessages:
    """The messages of one channel, claimed in groups as its connections ask for them.

    A claimed message is in the phase ``sending``, which says that it has not been handed over.
    """

    def __init__(
        self,
        context: DeliveryContext,
        channel: ChannelSettings,
        message_ids: Sequence[int],
        counter: OutcomeCounter,
        breaker: ChannelBreaker,
    ) -> None:
        """Claim nothing yet.

        Args:
            context: What every step of a delivery needs.
            channel: Whose messages they are.
            message_ids: In the order in which they are to be sent.
            counter: Counts the messages that are not to be sent.
            breaker: Ends the claiming once the channel is shut.
        """
        self._context = context
        self._channel = channel
        self._counter = counter
        self._breaker = breaker
        self._group: deque[Message] = deque()
        self._left_alone: list[Message] = []  # for domains that refuse us
        self._lock = threading.Lock()
        self._messages = self._claim_in_groups(message_ids)

    def take(self) -> Message | None:
        """Return the next message; None when there are no more, or no more may be sent now."""
        if self._context.watch.is_stopping() or self._breaker.is_shut:
            return None
        with self._lock:
            for message in self._messages:
                if not self._breaker.is_refusing(message):
                    return message
                self._left_alone.append(message)
        return None

    def _claim_in_groups(self, message_ids: Sequence[int]) -> Generator[Message, None, None]:
        for start in range(0, len(message_ids), _CLAIM_SIZE):
            self._group.extend(self._claim(message_ids[start : start + _CLAIM_SIZE]))
            while self._group:
                yield self._group.popleft()

    def release(self) -> None:
        """Queue the claimed messages again that no connection has taken."""
        with self._lock, self._context.ledger.writing() as connection:
            waiting = [*self._group, *self._left_alone]
            messages.mark_untried(connection, [message.id for message in waiting])
            self._group.clear()
            self._left_alone.clear()

    def _claim(self, message_ids: Sequence[int]) -> list[Message]:
        """Commit what becomes of a group, and return the messages that are to be sent."""
        with self._context.ledger.writing() as connection:
            wanted = messages.filter_deliverable(connection, message_ids)
            now = self._context.clock()
            # Another process may have claimed or sent some since they were listed.
            due = [m for m in messages.get(connection, message_ids) if m.is_due(now)]
            group = [m for m in due if m.is_readable]
            unreadable = [m.id for m in due if not m.is_readable]
            accepted = self._find_accepted([m for m in group if m.id in wanted])
            held = self._find_held(connection, [m for m in group if m.id in wanted - accepted])
            unwanted = {m.id for m in group} - wanted
            going = [m for m in group if m.id in wanted - accepted - held]
            proof = DeliveryAttempt("sent", "a log says that it was sent", "sent", now)
            deliveries.record_attempts(connection, [(key, proof, now) for key in sorted(accepted)])
            damage = DeliveryAttempt("failed", deliveries.UNREADABLE, "failed", now)
            deliveries.record_attempts(connection, [(key, damage, now) for key in unreadable])
            messages.set_phase(connection, sorted(held), "in_doubt")
            messages.set_phase(connection, sorted(unwanted), "dropped")
            messages.claim(connection, [m.id for m in going], self._context.ledger.epoch)
        self._counter.add(
            sent=len(accepted), held=len(held), dropped=len(unwanted), failed=len(unreadable)
        )
        return going

    def _find_accepted(self, group: Sequence[Message]) -> set[int]:
        """Return the messages that were sent already, by the sent log or the mail server's log."""
        now, sent_log = self._context.clock(), self._context.sent_log
        return {
            m.id
            for m in group
            if sent_log.contains(m.sent_log_data, now)
            or (_is_in_doubt(m) and self._channel.was_accepted(m.message_id))
        }

    def _find_held(self, connection: Connection, group: Sequence[Message]) -> set[int]:
        """Return the messages in doubt that the policy, their age or many kills hold back."""
        doubted = [m for m in group if _is_in_doubt(m)]
        if not doubted:
            return set()
        if self._context.policy.doubt == "hold":
            return {m.id for m in doubted}
        unfinished = deliveries.count_unfinished(connection, [m.id for m in doubted])
        oldest = self._context.clock() - _MAX_DOUBT_AGE
        return {
            m.id
            for m in doubted
            if m.composed_at < oldest or unfinished.get(m.id, 0) >= _MAX_UNFINISHED
        }


def _is_in_doubt(message: Message) -> bool:
    return message.phase == "handing_over"
