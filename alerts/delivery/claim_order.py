"""In which order the messages of a channel are claimed, and how many digests of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.delivery.policy import DeliveryPolicy, choose_first
from alerts.ledger import claims, delivery_limits
from alerts.ledger.claims import DueFilter, DueMessage
from alerts.mail import DIGEST_LANE, PRIORITY_LANE

#: Messages that are claimed in one transaction and kept in memory: 64 digests of 14 kB = 0.9 MB.
CLAIM_SIZE = 64
#: Digests among which those for different domains are looked for: the oldest ones, and some of the
#: newest in case the oldest are all for one domain. 1,200 rows are read in 5 ms.
_OLDEST, _NEWEST = 1000, 200


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
