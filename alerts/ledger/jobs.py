"""How the last run of each job began and ended.

A job is noted as begun before its work and as ended after it, each in a transaction of its own. A
row whose run has begun and not ended belongs to a job that is running, or to one whose process
died.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from alerts.ledger.schema import job
from alerts.refusals import mask_addresses

_DIED = "its process ended before it did"


class JobRecord(msgspec.Struct, frozen=True):
    """What is known of a job."""

    name: str  #: ``round``, ``match``, ``crawl london``
    begun_at: datetime
    ended_at: datetime | None  #: of the last run that ended; None if none has
    good_at: datetime | None  #: the last end without a failure
    failures_in_a_row: int
    reason: str | None  #: why the last run failed; None if it did not

    @property
    def is_running(self) -> bool:
        """Whether its last run has not ended: it still runs, or its process died."""
        return self.ended_at is None or self.ended_at < self.begun_at


def begin(connection: Connection, name: str, now: datetime) -> None:
    """Note that a job begins.

    Its last run has failed if it was begun and never ended: its process died.
    """
    died = or_(job.c.ended_at.is_(None), job.c.ended_at < job.c.begun_at)
    mine = job.c.name == name
    connection.execute(
        update(job)
        .where(mine, died)
        .values(
            ended_at=job.c.begun_at,
            failures_in_a_row=job.c.failures_in_a_row + 1,
            reason=_DIED,
        )
    )
    if not connection.execute(update(job).where(mine).values(begun_at=now)).rowcount:
        connection.execute(insert(job).values(name=name, begun_at=now))


def end_well(connection: Connection, name: str, now: datetime) -> bool:
    """Note that a job that has begun ended without a failure; return whether it failed before."""
    mine = job.c.name == name
    failures = connection.execute(select(job.c.failures_in_a_row).where(mine)).scalar()
    connection.execute(
        update(job).where(mine).values(ended_at=now, good_at=now, failures_in_a_row=0, reason=None)
    )
    return bool(failures)


def fail(connection: Connection, name: str, reason: str, begun_at: datetime, now: datetime) -> None:
    """Note that a job failed, whether or not its beginning was noted.

    Args:
        connection: The ledger.
        name: The job.
        reason: Why it failed, in one line. Whom an email address in it names is left out.
        begun_at: When it began.
        now: When it ended.
    """
    ended = {"begun_at": begun_at, "ended_at": now, "reason": mask_addresses(reason)}
    more = {"failures_in_a_row": job.c.failures_in_a_row + 1}
    mine = update(job).where(job.c.name == name)
    if not connection.execute(mine.values(**ended, **more)).rowcount:
        connection.execute(insert(job).values(name=name, failures_in_a_row=1, **ended))


def get_good_end(connection: Connection, name: str) -> datetime | None:
    """Return when a job last ended without a failure; None if it never did."""
    return connection.execute(select(job.c.good_at).where(job.c.name == name)).scalar()


def list_all(connection: Connection) -> list[JobRecord]:
    """Return what is known of each job, by name."""
    columns = [job.c[name] for name in JobRecord.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(job.c.name))
    return [JobRecord(**row._mapping) for row in rows]
