"""The lease of the writer on PostgreSQL: a row that its holder renews.

The row says who holds the lease and when it was last renewed, by the clock of the server, which all
machines share. It is free when its holder has given it up, is known to have ended, or has not
renewed it for :data:`_LEASE_SECONDS`. No session has to stay open for it, so it outlives a restart
of the server and works through PgBouncer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Float, Select, and_, extract, func, select, update

from alerts.errors import WatchwordError
from alerts.ledger.engine import Ledger
from alerts.ledger.processes import has_ended
from alerts.ledger.service_schema import writer

#: A machine that swaps, or a database that is started again, may be silent for some seconds.
_LEASE_SECONDS = 30
#: So that two renewals may fail.
BEAT_SECONDS = 10.0

#: The server's clock: Unix time in seconds.
SERVER_TIME = extract("epoch", func.clock_timestamp()).cast(Float)


class LeaseKeeper:
    """Renews the lease of an epoch, in a thread of its own."""

    def __init__(self, ledger: Ledger, epoch: int) -> None:
        """Prepare to renew the lease; connections are the keeper's own, so that it never waits."""
        self._ledger = ledger.as_bystander().open_beside(readers=1, writers=1)
        self._epoch = epoch
        self._ended = threading.Event()
        self._is_lost = False

    @contextmanager
    def running(self, beat_seconds: float) -> Iterator[LeaseKeeper]:
        """Renew the lease every ``beat_seconds`` while the block runs."""
        thread = threading.Thread(target=self._run, args=(beat_seconds,), daemon=True, name="lease")
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()
            self._ledger.close()

    def find_loss(self) -> str | None:
        """Return why the lease is lost, as far as its last renewal showed; None if it is not."""
        return "another process works on it" if self._is_lost else None

    def _run(self, beat_seconds: float) -> None:
        while not self._is_lost and not self._ended.wait(beat_seconds):
            try:
                self._is_lost = not self._renew()
            except WatchwordError:  # the database is gone for now; whoever uses it says so
                continue

    def _renew(self) -> bool:
        mine = writer.c.epoch == self._epoch
        with self._ledger.writing_shard() as connection:
            renewed = connection.execute(update(writer).where(mine).values(beat=SERVER_TIME))
        return renewed.rowcount == 1


def is_held(connection: Connection, *, for_update: bool = False) -> bool:
    """Return whether a process holds the lease.

    Args:
        connection: The ledger, on PostgreSQL.
        for_update: Whether to keep it so until the transaction ends: then this waits for
            transactions of the holder, and the next ones wait for this one.
    """
    row = connection.execute(_select_holder(for_update=for_update)).one()
    return bool(row.is_fresh) and row.process is not None and not has_ended(row.process)


def _select_holder(*, for_update: bool) -> Select[tuple[str | None, bool]]:
    # One that was renewed in the future comes from before the server's clock was set back.
    age = SERVER_TIME - writer.c.beat
    is_fresh = and_(age < _LEASE_SECONDS, age > -_LEASE_SECONDS)
    statement = select(writer.c.process, is_fresh.label("is_fresh"))
    return statement.with_for_update() if for_update else statement
