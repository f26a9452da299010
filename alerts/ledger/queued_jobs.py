"""Jobs in the tables of the engine, Procrastinate, which hand work to the workers of a cluster.

A job only says that something waits. What was done is marked in the ledger, so a job may be lost,
repeated or run twice. The tables are in a schema of their own in the ledger's database, and are
there only where a cluster was started. They are used by SQL here, so that a command or a page can
make a job in its own transaction, without the engine's package. The engine's functions name their
tables without a schema, so each transaction that calls one, or fires a trigger, sets the search
path first; a path that is set for a session would be another client's behind a pooler.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from alerts.ledger.clock_readings import TOLERANCE
from alerts.ledger.faults import WriterLost

#: The schema of the engine's tables.
SCHEMA = "jobs"
#: The task that finds what waits of another task, and makes a job of each piece.
PLAN = "plan"
#: Above every other: it takes milliseconds, and the others wait for it.
_PLAN_PRIORITY = 100
#: Times that a job may be taken over from a worker that died. One that ends its worker each time
#: must not go on for ever; a worker whose machine is restarted ten times in one job is not usual.
MAX_TAKEOVERS = 10
#: A piece whose job was given up is not tried again for so long. The operator has an alarm.
_REST = timedelta(minutes=10)
#: The operator is alarmed for so long about a job that was given up.
_ALARM_PERIOD = timedelta(days=1)


class QueuedJob(msgspec.Struct, frozen=True):
    """A job to be made."""

    task: str  #: ``match``
    key: str  #: which piece of the work: a range, or a source
    queue: str
    priority: int
    runs_alone: bool = True  #: whether no other job of the same task and key may run meanwhile


class GivenUpJob(msgspec.Struct, frozen=True):
    """A job that ended its worker again and again."""

    task: str
    key: str
    given_up_at: datetime


class ReleasedJob(msgspec.Struct, frozen=True):
    """A job whose worker is dead."""

    task: str
    key: str
    #: ``todo``, ``aborted`` because another job for the same piece waits, or ``failed``.
    status: str


_SET_PATH = text(
    "select set_config('search_path', current_setting('search_path') || ', jobs', true)"
)


def are_installed(connection: Connection) -> bool:
    """Return whether the engine's tables are in this database."""
    if connection.dialect.name == "sqlite":
        return False
    found = connection.execute(text("select to_regclass('jobs.procrastinate_jobs')")).scalar()
    return found is not None


def announce(connection: Connection, tasks: Sequence[str]) -> None:
    """Wake a worker for each of some tasks when this transaction is committed.

    The job that is made finds what waits, so that this costs the same however much that is.
    """
    add(
        connection,
        [QueuedJob(PLAN, task, task, _PLAN_PRIORITY, runs_alone=False) for task in tasks],
    )


_JOBS = """
    select queue, task, priority, case when runs_alone then task || ':' || key end as lock,
           task || ':' || key as queueing_lock, jsonb_build_object('key', key) as args
    from jsonb_to_recordset(cast(:jobs as jsonb))
      as wanted(task text, key text, queue text, priority int, runs_alone bool)
    where not exists (
      select from jobs.procrastinate_jobs failed
      join jobs.procrastinate_events event on event.job_id = failed.id
      where failed.queueing_lock = wanted.task || ':' || wanted.key and failed.status = 'failed'
        and event.type = 'failed' and event.at > now() - cast(:rest as interval))
"""
#: In one order, because two transactions that add the same jobs wait for each other.
_ADD = text(f"""
    insert into jobs.procrastinate_jobs
      (queue_name, task_name, priority, lock, queueing_lock, args)
    select * from ({_JOBS}) as new order by queueing_lock
    on conflict (queueing_lock) where status = 'todo' do nothing
""")  # noqa: S608  # a constant


def add(connection: Connection, jobs: Sequence[QueuedJob]) -> int:
    """Make jobs; return how many. One that waits already for the same piece is enough.

    Nothing is made for a piece whose job was given up a few minutes ago.
    """
    if not jobs:
        return 0
    connection.execute(_SET_PATH)
    values = {"jobs": json.dumps([msgspec.to_builtins(job) for job in jobs]), "rest": _REST}
    return connection.execute(_ADD, values).rowcount


_WAITING = text("""
    select queueing_lock from jobs.procrastinate_jobs
    where status = 'todo' and queueing_lock = any(cast(:locks as text[]))
""")


def list_missing(connection: Connection, jobs: Sequence[QueuedJob]) -> list[QueuedJob]:
    """Return those of some jobs for whose piece no job waits yet."""
    locks = [f"{job.task}:{job.key}" for job in jobs]
    waiting = set(connection.execute(_WAITING, {"locks": locks}).scalars()) if jobs else set()
    return [job for job, lock in zip(jobs, locks, strict=True) if lock not in waiting]


_ADD_TICK = text(f"""
    with tick as (
      insert into jobs.procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
      select task, key, :planned from jsonb_to_recordset(cast(:jobs as jsonb))
        as wanted(task text, key text)
      on conflict do nothing returning task_name)
    insert into jobs.procrastinate_jobs
      (queue_name, task_name, priority, lock, queueing_lock, args)
    select new.* from ({_JOBS}) as new, tick
    on conflict (queueing_lock) where status = 'todo' do nothing
""")  # noqa: S608  # a constant
_DELETE_TICKS = text("""
    delete from jobs.procrastinate_periodic_defers
    where task_name = :task and periodic_id = :key and defer_timestamp < :planned
""")


def add_tick(connection: Connection, job: QueuedJob, planned: datetime) -> bool:
    """Make the job of a moment unless it was made before; return whether it was made.

    Every scheduler calls this at each moment, and a unique row of the engine lets one of them pass.

    Args:
        connection: In a transaction that writes.
        job: What is to be done.
        planned: The moment for which it is done: the same from every scheduler.
    """
    connection.execute(_SET_PATH)
    values = {"planned": int(planned.timestamp()), "task": job.task, "key": job.key}
    more = {"jobs": json.dumps([msgspec.to_builtins(job)]), "rest": _REST}
    made = connection.execute(_ADD_TICK, values | more).rowcount
    if made:
        connection.execute(_DELETE_TICKS, values)
    return bool(made)


@dataclass(frozen=True)
class JobClaim:
    """One run of a job by one worker, as the engine's row has it. It is the fence of that run.

    A worker that stands still for longer than a minute is taken for dead, and its job is given to
    another. When it goes on, it must not commit what the other one does.
    """

    id: int
    worker: int | None
    attempts: int

    def __call__(self, connection: Connection) -> None:
        """Hold the job until the transaction ends.

        The lock is shared, so that a task may have several transactions at a time; whoever wants
        to give the job to another worker waits for all of them.

        Raises:
            WriterLost: The job was given to another worker.
        """
        values = {"id": self.id, "worker": self.worker, "attempts": self.attempts}
        if connection.execute(_HOLD, values).scalar() is None:
            raise WriterLost("this job was given to another worker, so this one wrote nothing more")


#: What names one run of a job: `attempts` counts how often it was given to another worker.
_MINE = """
    id = :id and status = 'doing' and worker_id is not distinct from :worker
    and attempts = :attempts
"""
_HOLD = text(f"select id from jobs.procrastinate_jobs where {_MINE} for share")  # noqa: S608

_STALLED = """
    from jobs.procrastinate_jobs job
    left join jobs.procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing'
      and (worker.id is null or worker.last_heartbeat < now() - make_interval(secs => :seconds))
"""
_FIND_STALLED = text(f"select 1 {_STALLED} limit 1")
#: A job whose worker stands still within a transaction is left for a later sweep.
_LOCK_STALLED = text(
    "select job.id, job.attempts, job.task_name as task, job.args->>'key' as key"
    f" {_STALLED} order by job.id for update of job skip locked"
)
_RETRY = text("select jobs.procrastinate_retry_job_v2(:id, now(), null, null, null)")
_FINISH = text(
    "select jobs.procrastinate_finish_job_v1"
    "(:id, cast(:status as jobs.procrastinate_job_status), false)"
)


class _Moment(NamedTuple):
    """What the engine dates by the server's clock, and waits for."""

    table: str
    condition: str  #: of a row that is dated in the future
    change: str  #: that dates it now


_MOMENTS = (
    # A dead worker keeps its jobs.
    _Moment(
        "jobs.procrastinate_workers",
        "last_heartbeat > clock_timestamp()",
        "update {} set last_heartbeat = clock_timestamp()",
    ),
    # A job that was taken from a dead worker is not given to another.
    _Moment(
        "jobs.procrastinate_jobs",
        "status = 'todo' and scheduled_at > clock_timestamp()",
        "update {} set scheduled_at = null",
    ),
    # A job that was given up is not tried again, and the operator is alarmed about it.
    _Moment(
        "jobs.procrastinate_events",
        "at > clock_timestamp()",
        "update {} set at = clock_timestamp()",
    ),
    # The job of that moment is not made again. Clocks of schedulers differ by the tolerance.
    _Moment(
        "jobs.procrastinate_periodic_defers",
        "to_timestamp(defer_timestamp) > clock_timestamp() + cast(:tolerance as interval)",
        "delete from {}",
    ),
)
_ANY_AHEAD = (f"exists (select from {each.table} where {each.condition})" for each in _MOMENTS)
_IS_AHEAD = text(f"select {' or '.join(_ANY_AHEAD)}")
_BRING_BACK = [
    text(f"{each.change.format(each.table)} where {each.condition}") for each in _MOMENTS
]


def is_ahead(connection: Connection) -> bool:
    """Return whether something of the engine is dated in the future: the clock was set back."""
    return bool(connection.execute(_IS_AHEAD, {"tolerance": TOLERANCE}).scalar())


def bring_back(connection: Connection) -> None:
    """Date what lies in the future now, as the engine would wait until then.

    A worker that lives gives its next sign of life within seconds.

    Args:
        connection: In a transaction that writes.
    """
    connection.execute(_SET_PATH)
    for statement in _BRING_BACK:
        connection.execute(statement, {"tolerance": TOLERANCE})


def has_stalled(connection: Connection, stalled_seconds: float) -> bool:
    """Return whether a job's worker has not been heard of for so many seconds, or is gone."""
    return connection.execute(_FIND_STALLED, {"seconds": stalled_seconds}).scalar() is not None


def release_stalled(connection: Connection, stalled_seconds: float) -> list[ReleasedJob]:
    """Give the jobs of dead workers to others. The engine leaves them as they are for ever.

    Any number of processes may do this at a time. Where another job for the same piece waits, it
    does the work: the engine cannot let two of them wait, so the dead one is ended.

    Args:
        connection: In a transaction that writes.
        stalled_seconds: A worker that was not heard of for so long is dead.
    """
    connection.execute(_SET_PATH)
    rows = connection.execute(_LOCK_STALLED, {"seconds": stalled_seconds}).all()
    return [
        ReleasedJob(row.task, row.key, _release(connection, row.id, row.attempts)) for row in rows
    ]


def _release(connection: Connection, job_id: int, attempts: int) -> str:
    """Let a job wait again, or end it; return its new status."""
    if attempts >= MAX_TAKEOVERS:
        connection.execute(_FINISH, {"id": job_id, "status": "failed"})
        return "failed"
    try:
        with connection.begin_nested():
            connection.execute(_RETRY, {"id": job_id})
    except IntegrityError:
        connection.execute(_FINISH, {"id": job_id, "status": "aborted"})
        return "aborted"
    return "todo"


_OLDEST = text("""
    select min(event.at) from jobs.procrastinate_jobs job
    join jobs.procrastinate_events event on event.job_id = job.id and event.type = 'deferred'
    where job.status = 'todo' and coalesce(job.scheduled_at, event.at) <= now()
""")


def find_oldest_waiting(connection: Connection) -> datetime | None:
    """Return since when the job that has waited longest waits; None if none waits."""
    found: datetime | None = connection.execute(_OLDEST).scalar()
    return found


_GIVEN_UP = text("""
    select task_name as task, args->>'key' as key, max(event.at) as given_up_at
    from jobs.procrastinate_jobs job
    join jobs.procrastinate_events event on event.job_id = job.id and event.type = 'failed'
    where job.status = 'failed' and event.at > now() - cast(:period as interval)
    group by 1, 2 order by 3
""")


def list_given_up(connection: Connection) -> list[GivenUpJob]:
    """Return the jobs that were given up in the last day, the newest last."""
    rows = connection.execute(_GIVEN_UP, {"period": _ALARM_PERIOD})
    return [GivenUpJob(**row._mapping) for row in rows]


_DELETE_OLD = text("""
    delete from jobs.procrastinate_jobs job
    where status in ('failed', 'aborted', 'cancelled', 'succeeded') and not exists (
      select from jobs.procrastinate_events event
      where event.job_id = job.id and event.at > now() - cast(:period as interval))
""")


def delete_old(connection: Connection, period: timedelta) -> int:
    """Delete the jobs that ended longer than ``period`` ago; return how many."""
    connection.execute(_SET_PATH)
    return connection.execute(_DELETE_OLD, {"period": period}).rowcount
