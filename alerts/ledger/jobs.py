"""How the last run of each job began and ended.

A job is noted as begun before its work and as ended after it, each in a transaction of its own.
There is one row for each kind of job, whoever runs it:

- In the daemon and in a single round a job runs alone. If one that runs alone begins while another
  has begun and not ended, that one's process died, which is a failure.
- Workers run many tasks of one kind at a time, so a beginning says nothing about the others. The
  row counts those that have begun and not ended, and whoever finds a dead worker's task says so by
  :func:`note_death`.

Failures in a row are counted for each shard of the work, which is what one task was given. One
shard that always fails would otherwise be hidden by the others, which end well in between. What is
shown for a job is its worst shard.

A job that finds nothing to do has ended well, and its beginning is not noted: :func:`note_idle`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from alerts.ledger.service_schema import failed_shard, job
from alerts.refusals import mask_addresses

_DIED = "its process ended before it did"
#: One run less; an end whose beginning was never noted is not counted.
_ONE_LESS = case((job.c.running > 0, job.c.running - 1), else_=0)


class JobRecord(msgspec.Struct, frozen=True):
    """What is known of a job."""

    name: str  #: ``round``, ``match``, ``crawl london``
    begun_at: datetime  #: the last beginning
    ended_at: datetime | None  #: of the last run that ended; None if none has
    good_at: datetime | None  #: the last end without a failure
    failures_in_a_row: int  #: of its worst shard
    reason: str | None  #: why that failed; None if nothing did
    running: int = 0  #: runs that have begun and not ended

    @property
    def is_running(self) -> bool:
        """Whether a run has not ended: it still runs, or its process died."""
        return self.running > 0

    @property
    def is_settled(self) -> bool:
        """Whether its last runs have ended well, so that another idle one changes nothing."""
        return not self.running and not self.failures_in_a_row


def lock(connection: Connection, names: Collection[str]) -> None:
    """Lock the rows of some jobs until the end of the transaction, in order of their names.

    Whoever notes several jobs in one transaction does so first, so that two of them never wait for
    each other.
    """
    wanted = select(job.c.name).where(job.c.name.in_(names)).order_by(job.c.name)
    connection.execute(wanted.with_for_update())


def begin(connection: Connection, name: str, now: datetime, *, is_alone: bool = True) -> None:
    """Note that a job begins.

    Args:
        connection: The ledger.
        name: The job.
        now: When it begins.
        is_alone: Whether nobody else may run it now. A run that has not ended has died then.
    """
    if is_alone:
        connection.execute(
            update(job)
            .where(job.c.name == name, job.c.running > 0)
            .values(
                ended_at=job.c.begun_at,
                failures_in_a_row=job.c.failures_in_a_row + 1,
                reason=_DIED,
                running=0,
            )
        )
    begun = {"begun_at": now, "running": 1}
    _upsert(connection, job, {"name": name, **begun}, {**begun, "running": job.c.running + 1})


def end_well(connection: Connection, name: str, now: datetime, shard: str | None = None) -> bool:
    """Note that a job that has begun ended without a failure; return whether it failed before.

    Args:
        connection: The ledger.
        name: The job.
        now: When it ended.
        shard: The part of the work that was done. None for all of it: then no shard fails any more.
    """
    mine = job.c.name == name
    failures = connection.execute(select(job.c.failures_in_a_row).where(mine)).scalar()
    good = {"ended_at": now, "good_at": now, "failures_in_a_row": 0, "reason": None}
    connection.execute(update(job).where(mine).values(**good, running=_ONE_LESS))
    return _forget_failures(connection, name, shard) or bool(failures)


def note_idle(
    connection: Connection, ends: Mapping[str, datetime], *, is_alone: bool = True
) -> None:
    """Note that jobs found nothing to do, so that they ended well.

    A job that began or ended after it looked is left as it is: somebody else has run it since. The
    rows are written in order of their names, so that two transactions never wait for each other.

    Args:
        connection: The ledger.
        ends: When each job looked, by its name.
        is_alone: As for :func:`begin`. Otherwise others may still be doing what they have begun.
    """
    settled = {"failures_in_a_row": 0, "reason": None, **({"running": 0} if is_alone else {})}
    for name, moment in sorted(ends.items()):
        good = {"begun_at": moment, "ended_at": moment, "good_at": moment}
        ended_before = or_(job.c.ended_at.is_(None), job.c.ended_at <= moment)
        is_older = and_(job.c.begun_at <= moment, ended_before)
        if _upsert(connection, job, {"name": name, **good}, {**good, **settled}, is_older):
            _forget_failures(connection, name)


def fail(
    connection: Connection,
    name: str,
    reason: str,
    begun_at: datetime,
    now: datetime,
    *,
    shard: str | None = None,
    was_noted: bool = True,
) -> None:
    """Note that a job failed.

    Args:
        connection: The ledger.
        name: The job.
        reason: Why it failed, in one line. Whom an email address in it names is left out.
        begun_at: When it began.
        now: When it ended.
        shard: The part of the work that failed; None for all of it.
        was_noted: Whether its beginning was noted.
    """
    reason = mask_addresses(reason)
    ended: dict[str, Any] = {"begun_at": begun_at, "ended_at": now}
    changed = {**ended, **({"running": _ONE_LESS} if was_noted else {})}
    if shard is None:
        ended |= {"failures_in_a_row": 1, "reason": reason}
        changed |= {"failures_in_a_row": job.c.failures_in_a_row + 1, "reason": reason}
    _upsert(connection, job, {"name": name, **ended}, changed)
    if shard is not None:
        _fail_shard(connection, name, shard, reason, now)


def note_death(connection: Connection, name: str, now: datetime, shard: str | None = None) -> None:
    """Note that a run of a job ended with its process, as whoever finds it sees."""
    fail(connection, name, _DIED, now, now, shard=shard)


def get_good_end(connection: Connection, name: str) -> datetime | None:
    """Return when a job last ended without a failure; None if it never did."""
    return connection.execute(select(job.c.good_at).where(job.c.name == name)).scalar()


def list_all(connection: Connection) -> list[JobRecord]:
    """Return what is known of each job, by name."""
    columns = [job.c[name] for name in JobRecord.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(job.c.name)).all()
    worst: dict[str, Row[Any]] = {}
    wanted = select(failed_shard).order_by(failed_shard.c.failures_in_a_row, failed_shard.c.shard)
    for shard in connection.execute(wanted):
        worst[shard.job] = shard
    return [_show_worst(JobRecord(**row._mapping), worst.get(row.name)) for row in rows]


def _show_worst(known: JobRecord, shard: Row[Any] | None) -> JobRecord:
    if shard is None or shard.failures_in_a_row <= known.failures_in_a_row:
        return known
    return msgspec.structs.replace(
        known,
        failures_in_a_row=shard.failures_in_a_row,
        reason=f"{shard.shard}: {shard.reason}",
    )


def _fail_shard(connection: Connection, name: str, shard: str, reason: str, now: datetime) -> None:
    failed = {"failures_in_a_row": 1, "reason": reason, "failed_at": now}
    again = {**failed, "failures_in_a_row": failed_shard.c.failures_in_a_row + 1}
    _upsert(connection, failed_shard, {"job": name, "shard": shard, **failed}, again)


def _forget_failures(connection: Connection, name: str, shard: str | None = None) -> bool:
    """Forget that a shard fails, or that any does; return whether one did."""
    mine = [failed_shard.c.job == name]
    if shard is not None:
        mine.append(failed_shard.c.shard == shard)
    return connection.execute(delete(failed_shard).where(*mine)).rowcount > 0


def _upsert(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    changed: Mapping[str, Any],
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert a row; where its key exists, change that row if it meets a condition.

    Returns:
        Whether a row was inserted or changed.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    statement = make(table).values(**row)
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_=dict(changed), where=where
    )
    # RETURNING tells whether a row was written; on PostgreSQL the row count does not.
    written = connection.execute(statement.returning(*table.primary_key))
    return written.one_or_none() is not None
