"""The processes of a cluster, and when each was last heard of."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, select, update

from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.inserts import insert_once
from alerts.ledger.service_schema import process

#: For so long it is known that there was a process with a role.
_SHOWN_PERIOD = timedelta(days=1)
#: Signs of life come every ten seconds. A process that is restarted is away for a minute or two.
_ALIVE_PERIOD = timedelta(minutes=3)


class ProcessRecord(msgspec.Struct, frozen=True):
    """What is known of a process."""

    name: str  #: ``alerts-1:4711``
    role: str  #: ``serve``, ``work`` or ``schedule``
    detail: str  #: the queues of a worker; empty for the others
    started_at: datetime
    seen_at: datetime  #: when it last reached the database

    def is_alive(self, now: datetime) -> bool:
        """Whether it reached the database in the last minutes.

        A later moment than ``now``, by more than clocks differ, was shown by a wrong clock.
        """
        return -TOLERANCE <= now - self.seen_at <= _ALIVE_PERIOD


def beat(connection: Connection, record: ProcessRecord) -> None:
    """Note that a process reached the database."""
    values = msgspec.structs.asdict(record)
    mine = process.c.name == record.name
    if not connection.execute(update(process).where(mine).values(values)).rowcount:
        insert_once(connection, process, **values)
    old = process.c.seen_at < record.seen_at - _SHOWN_PERIOD
    connection.execute(delete(process).where(old))


def list_all(connection: Connection) -> list[ProcessRecord]:
    """Return the processes of the last day, by role and name."""
    columns = [process.c[name] for name in ProcessRecord.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(process.c.role, process.c.name))
    return [ProcessRecord(**row._mapping) for row in rows]


def count_workers(connection: Connection, queue: str, now: datetime) -> int:
    """Return how many live processes take jobs from a queue."""
    return sum(
        one.role == "work" and one.is_alive(now) and queue in one.detail.split(", ")
        for one in list_all(connection)
    )
