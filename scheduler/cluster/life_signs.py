"""Signs of life: each process of a cluster says that it reaches the database."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import func, select

from alerts.ledger import LedgerUnavailable, cluster_processes
from alerts.ledger.cluster_processes import ProcessRecord
from crawler.event_log import get_logger
from scheduler.service import Service
from scheduler.systemd import notify_systemd

log = get_logger("watchword.cluster")

#: What is due is decided by the machines' clocks, and they must agree as far as a digest may be
#: early: the same tolerance as for a clock that was set.
_MAX_DIFFERENCE = timedelta(minutes=5)


@contextmanager
def show_life(
    service: Service, role: str, detail: str = "", on_wrong_clock: Callable[[], None] | None = None
) -> Iterator[None]:
    """Say, while the block runs, that this process reaches the database.

    Args:
        service: On PostgreSQL.
        role: ``serve``, ``work`` or ``schedule``.
        detail: Of a worker, its queues.
        on_wrong_clock: Called when this machine's clock differs from that of the database.
    """
    name = f"{socket.gethostname()}:{os.getpid()}"
    record = ProcessRecord(name, role, detail, service.clock(), service.clock())
    over = threading.Event()
    signs = _LifeSigns(service, record, over, on_wrong_clock or _ignore)
    thread = threading.Thread(target=signs.run, name="life signs", daemon=True)
    thread.start()
    notify_systemd("READY=1")
    try:
        yield
    finally:
        notify_systemd("STOPPING=1")
        over.set()
        thread.join()


def _ignore() -> None:
    return


class _LifeSigns:
    """Writes the row of this process again and again, in a thread of its own."""

    def __init__(
        self,
        service: Service,
        record: ProcessRecord,
        over: threading.Event,
        on_wrong_clock: Callable[[], None],
    ) -> None:
        self._service = service
        self._record = record
        self._over = over
        self._on_wrong_clock = on_wrong_clock
        self._is_reached = True

    def run(self) -> None:
        """Write until it is over."""
        while True:
            try:
                self._beat()
            except LedgerUnavailable as error:
                if self._is_reached:
                    log.error("the database is not reached", reason=error)
                self._is_reached = False
                notify_systemd(f"STATUS=the database does not answer: {error}")
            if self._over.wait(self._service.config.cluster.beat_seconds):
                return

    def _beat(self) -> None:
        """Write once, and tell systemd, which ends a process that hangs."""
        now = self._service.clock()
        with self._service.ledger.writing_shard() as connection:
            there: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            cluster_processes.beat(connection, msgspec.structs.replace(self._record, seen_at=now))
        if not self._is_reached:
            log.warning("the database is reached again")
        self._is_reached = True
        notify_systemd("WATCHDOG=1", "STATUS=reaches the database")
        if abs(there - now) > _MAX_DIFFERENCE:
            log.error(
                "this machine's clock differs from the database's: set it right",
                now=now,
                database=there,
            )
            self._on_wrong_clock()
