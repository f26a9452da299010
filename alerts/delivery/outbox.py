"""Taking messages out of the outbox, a few at a time, for several connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.delivery.breaker import ChannelBreaker
from alerts.delivery.channel_run import ChannelRun
from alerts.delivery.outcomes import OutcomeCounter
from alerts.delivery.policy import DeliveryPolicy, choose_first
from alerts.delivery.sent_log import SentLog
from alerts.delivery.watch import DeliveryWatch
from alerts.ledger import Ledger, claims, deliveries, delivery_limits, messages
from alerts.ledger.claims import DueFilter, DueMessage
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import Message
from alerts.mail import DIGEST_LANE, PRIORITY_LANE

#: Messages that are claimed in one transaction and kept in memory: 64 digests of 14 kB = 0.9 MB.
CLAIM_SIZE = 64
#: Digests among which those for different domains are looked for: the oldest ones, and some of the
#: newest in case the oldest are all for one domain. 1,200 rows are read in 5 ms.
_OLDEST, _NEWEST = 1000, 200

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


class ClaimOrder:
    """Finds the messages of a channel that are to be sent next.

    First what people wait for, then what another delivery has left behind, then a digest for each
    of a few domains, then the other digests, oldest first. Only messages that were due when the
    delivery began are found, and each once, so that it ends. What people wait for is found also if
    it was queued since.
    """

    def __init__(
        self, wanted: DueFilter, policy: DeliveryPolicy, clock: Callable[[], datetime]
    ) -> None:
        """Find nothing yet.

        Args:
            wanted: The messages of the channel that are due.
            policy: How many digests may be sent in a day.
            clock: The present time, in UTC.
        """
        self._wanted, self._policy, self._clock = wanted, policy, clock
        self._positions: dict[int, tuple[datetime, int]] = {}  # by lane: of the last one found
        self._is_spread = self._has_counted = self._has_looked_behind = False
        self.is_over_limit = False  #: whether digests were left because of the daily limit

    def lock_next(self, connection: Connection) -> list[int]:
        """Lock the messages that are to be claimed next; return their ids, none at the end.

        Args:
            connection: In a transaction that writes, in which they are claimed.
        """
        urgent = msgspec.structs.replace(self._wanted, now=self._clock())
        if found := self._lock_lane(connection, urgent, PRIORITY_LANE, CLAIM_SIZE):
            return found
        if left := self._lock_abandoned(connection):
            return [one.id for one in left]
        return self._lock_digests(connection)

    def _lock_abandoned(self, connection: Connection) -> list[DueMessage]:
        if self._has_looked_behind:
            return []
        found = claims.lock_abandoned(connection, self._wanted, CLAIM_SIZE)
        self._has_looked_behind = not found
        return found

    def _lock_lane(
        self, connection: Connection, wanted: DueFilter, lane: int, limit: int
    ) -> list[int]:
        after = self._positions.get(lane)
        found = claims.lock_waiting(connection, wanted, lane, after, limit)
        if found:
            self._positions[lane] = found[-1].position
        return [one.id for one in found]

    def _lock_digests(self, connection: Connection) -> list[int]:
        limit = min(CLAIM_SIZE, self._find_room(connection))
        found = [one.id for one in self._lock_spread(connection)[:limit]]
        if limit and not found:
            found = self._lock_lane(connection, self._wanted, DIGEST_LANE, limit)
        if found and self._policy.per_day is not None:
            delivery_limits.take_room(connection, len(found))
        return found

    def _find_room(self, connection: Connection) -> int:
        """Return how many digests may be claimed, as far as the daily limit goes."""
        per_day = self._policy.per_day
        if per_day is None:
            return CLAIM_SIZE
        counts, self._has_counted = not self._has_counted, True
        now = self._clock()
        room = delivery_limits.lock_room(connection, per_day, DIGEST_LANE, now, counts=counts)
        self.is_over_limit = room == 0
        return room

    def _lock_spread(self, connection: Connection) -> list[DueMessage]:
        """Lock the digests that are to be sent before the others, once."""
        if self._is_spread:
            return []
        self._is_spread = True
        window = claims.list_ends(connection, self._wanted, DIGEST_LANE, _OLDEST, _NEWEST)
        first = choose_first(window, self._wanted.now)
        return claims.lock_these(connection, self._wanted, first)


class ClaimedMessages:
    """The messages of one channel, claimed in groups as its connections ask for them.

    A claimed message is in the phase ``sending``, which says that it has not been handed over.
    """

    def __init__(
        self,
        context: DeliveryContext,
        run: ChannelRun,
        order: ClaimOrder,
        counter: OutcomeCounter,
        breaker: ChannelBreaker,
    ) -> None:
        """Claim nothing yet.

        Args:
            context: What every step of a delivery needs.
            run: The channel whose messages they are, and who claims them.
            order: Finds the messages that come next.
            counter: Counts the messages that are not to be sent.
            breaker: Ends the claiming once the channel is shut.
        """
        self._context = context
        self._run = run
        self._order = order
        self._counter = counter
        self._breaker = breaker
        self._lock = threading.Lock()
        self._messages = self._claim_in_groups()
        self.number = 0  #: of the messages that were claimed or settled
        self.is_exhausted = False  #: whether there are no more

    def take(self) -> Message | None:
        """Return the next message; None when there are no more, or no more may be sent now."""
        if self._context.watch.is_stopping() or self._breaker.is_shut:
            return None
        with self._lock:
            for message in self._messages:
                if not self._breaker.is_refusing(message):
                    return message
        return None

    def _claim_in_groups(self) -> Generator[Message, None, None]:
        while not self._breaker.is_shut:
            found, group = self._claim()
            if not found:
                self.is_exhausted = True
                return
            self.number += found
            yield from group

    def _claim(self) -> tuple[int, list[Message]]:
        """Commit what becomes of a group; return its size, and the messages that are to be sent."""
        with self._context.ledger.writing_shard() as connection:
            if shut := self._run.find_shut(connection):
                self._breaker.shut(shut)
                return 0, []
            keys = self._order.lock_next(connection)
            if not keys:
                return 0, []
            return len(keys), self._settle(connection, keys)

    def _settle(self, connection: Connection, keys: Sequence[int]) -> list[Message]:
        """Claim those of some locked messages that are to be sent, and record the others."""
        wanted = messages.filter_deliverable(connection, keys)
        now = self._context.clock()
        due = messages.get(connection, keys)
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
        claims.claim(
            connection, [m.id for m in going], self._run.holder, self._context.policy.periods
        )
        self._counter.add(
            sent=len(accepted), held=len(held), dropped=len(unwanted), failed=len(unreadable)
        )
        return [msgspec.structs.replace(m, claim_epoch=m.claim_epoch + 1) for m in going]

    def _find_accepted(self, group: Sequence[Message]) -> set[int]:
        """Return the messages that were sent already, by the sent log or the mail server's log."""
        now, sent_log = self._context.clock(), self._context.sent_log
        return {
            m.id
            for m in group
            if sent_log.contains(m.sent_log_data, now)
            or (_is_in_doubt(m) and self._run.channel.was_accepted(m.message_id))
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
