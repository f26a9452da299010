"""A delivery over one channel, and what it shares with those of other processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.delivery.channel import ChannelRefused, ChannelSettings, ChannelUnavailable
from alerts.ledger import Ledger, LedgerUnavailable, claims, delivery_limits
from alerts.ledger.claims import LeasePeriods
from alerts.ledger.delivery_limits import ShutChannel

#: For so long a channel that one process has shut is left alone by the others: until the next
#: round, which begins after 30 seconds.
_SHUT_PERIOD = timedelta(seconds=20)

#: Seconds to wait for a connection that others have. One that was overtaken gives its back at its
#: next message; whoever goes on sending does so without our help.
_LICENCE_TIMEOUT = 5.0
#: Seconds between two tries.
_LICENCE_PAUSE = 0.2


@dataclass(frozen=True)
class ChannelRun:
    """One delivery over a channel. Its name is the holder of what it claims."""

    ledger: Ledger
    channel: ChannelSettings
    holder: str
    connections: int  #: how many it may open
    began_at: datetime  #: by the database's clock

    def wait_for_turn(self, per_second: float | None) -> None:
        """Sleep until a message may be sent, of all that are sent over the channel.

        No transaction is open meanwhile. Turns are evenly spaced, because mail servers count bursts
        too.
        """
        if not per_second:
            return
        with self.ledger.writing_shard() as connection:
            seconds = delivery_limits.take_turn(connection, self.channel.name, 1 / per_second)
        time.sleep(seconds)

    def note_shut(self, failure: ChannelUnavailable) -> None:
        """Let deliveries of other processes know that nothing more should be sent for now."""
        why = ShutChannel(str(failure), isinstance(failure, ChannelRefused))
        with self.ledger.writing_shard() as connection:
            delivery_limits.shut(connection, self.channel.name, why, self.holder, _SHUT_PERIOD)

    def find_shut(self, connection: Connection) -> ChannelUnavailable | None:
        """Return why another delivery has shut the channel; None if none has."""
        name = self.channel.name
        found = delivery_limits.find_shut(connection, name, self.holder, self.began_at)
        if found is None:
            return None
        return (ChannelRefused if found.is_refusal else ChannelUnavailable)(found.reason)

    def renew(self, connection: Connection, periods: LeasePeriods) -> None:
        """Renew the leases of all that it holds."""
        claims.renew(connection, self.holder, periods)
        delivery_limits.renew_licences(connection, self.holder, periods.sending)


@contextmanager
def begin_run(
    ledger: Ledger,
    channel: ChannelSettings,
    wanted: int,
    periods: LeasePeriods,
    *,
    timeout: float = _LICENCE_TIMEOUT,
) -> Iterator[ChannelRun]:
    """Take licences for connections of a channel; give back at the end what is still held.

    Args:
        ledger: The ledger.
        channel: The channel.
        wanted: How many connections to open, if other processes leave that number free.
        periods: How long what it holds is held unless renewed.
        timeout: Seconds to wait for the first connection. Without any, the run has none.
    """
    holder = claims.name_delivery()
    try:
        yield _take_licences(ledger, channel, wanted, holder, periods, timeout)
    finally:
        # What cannot be released now is free when its lease ends. A process that is not the writer
        # any more may release what is its own.
        with suppress(LedgerUnavailable), ledger.as_bystander().writing_shard() as connection:
            claims.release(connection, holder)
            delivery_limits.release_licences(connection, holder)


def _take_licences(
    ledger: Ledger,
    channel: ChannelSettings,
    wanted: int,
    holder: str,
    periods: LeasePeriods,
    timeout: float,
) -> ChannelRun:
    most, end = max(1, channel.connections), time.monotonic() + timeout
    while True:
        with ledger.writing_shard() as connection:
            number = delivery_limits.acquire_licences(
                connection, channel.name, most, min(most, wanted), holder, periods.sending
            )
            began_at = delivery_limits.read_clock(connection)
        if number or time.monotonic() >= end:
            return ChannelRun(ledger, channel, holder, number, began_at)
        time.sleep(_LICENCE_PAUSE)
