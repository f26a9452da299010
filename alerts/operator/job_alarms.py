"""The alarms about jobs: those that fail again and again, and those that nobody does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import alarms, crawl_runs, jobs, queued_jobs
from alerts.ledger.jobs import JobRecord

#: The job that ``watchword backup`` is noted as.
BACKUP_JOB = "backup"
#: One failure can be a moment's; the next run of the job shows whether it stays. The next backup
#: may be a day away.
_MIN_FAILURES_IN_A_ROW = {BACKUP_JOB: 1}
_USUAL_MIN_FAILURES = 2
#: The kind of the alarm about a backup that nobody has made.
BACKUP_ALARM = "backup"

#: Kinds of alarms about a cluster.
_WORKERS = "workers"
_GIVEN_UP = "given_up"
#: Jobs wait for seconds where workers are not busy. A crawl that has every worker may take an hour,
#: but then other queues need a worker of their own.
_MAX_WAIT = timedelta(minutes=5)
#: Jobs that an alarm names.
_NAMED_JOBS = 3


def update_job_alarms(connection: Connection, now: datetime) -> None:
    """Raise an alarm for each job whose last runs failed, and clear those of the others.

    Args:
        connection: A connection that may write.
        now: Aware, in UTC.
    """
    known = jobs.list_all(connection)
    reasons = {
        name_job_alarm(one.name): _explain_failures(one)
        for one in known
        if one.failures_in_a_row >= _MIN_FAILURES_IN_A_ROW.get(one.name, _USUAL_MIN_FAILURES)
    }
    alarms.update_open(connection, None, reasons, [name_job_alarm(j.name) for j in known], now)


def name_job_alarm(job_name: str) -> str:
    """Return the kind of the alarm about a job: ``job match``."""
    return f"job {job_name}"


def _explain_failures(one: JobRecord) -> str:
    good = f"{one.good_at:%Y-%m-%d %H:%M} UTC" if one.good_at else "never"
    runs = "run" if one.failures_in_a_row == 1 else f"{one.failures_in_a_row} runs"
    return f"the last {runs} failed, last good one {good}: {one.reason}"


def update_backup_alarm(
    connection: Connection, limit: timedelta | None, sources: Iterable[str], now: datetime
) -> None:
    """Raise the alarm about a backup that is overdue, and clear it when one was made.

    Where none was ever made, the time counts from the first crawl of any source on.

    Args:
        connection: A connection that may write.
        limit: How old the last good backup may be; None where nobody expects one.
        sources: Those that are crawled.
        now: Aware, in UTC.
    """
    reasons = {}
    last = jobs.get_good_end(connection, BACKUP_JOB)
    if limit is not None:
        starts = [] if last else [crawl_runs.get_first_start(connection, one) for one in sources]
        since = last or min((start for start in starts if start), default=now)
        if now - since > limit:
            made = f"the last good one is of {last:%Y-%m-%d %H:%M} UTC" if last else "none yet"
            days = limit / timedelta(days=1)
            reasons[BACKUP_ALARM] = f"{made}; `backup.max_age_days` allows {days:g} days"
    alarms.update_open(connection, None, reasons, (BACKUP_ALARM,), now)


def find_cluster_alarms(connection: Connection, now: datetime) -> Mapping[str, str]:
    """Return the reasons of the alarms that are to be open, by their kind.

    Args:
        connection: To a ledger with the engine's tables.
        now: Aware, in UTC.
    """
    reasons = {}
    oldest = queued_jobs.find_oldest_waiting(connection)
    if oldest is not None and now - oldest > _MAX_WAIT:
        reasons[_WORKERS] = (
            f"a job waits since {oldest:%Y-%m-%d %H:%M} UTC: is `watchword work` running, with"
            " enough workers, for every queue?"
        )
    if given_up := queued_jobs.list_given_up(connection):
        names = ", ".join(f"{job.task} {job.key}" for job in given_up[-_NAMED_JOBS:])
        reasons[_GIVEN_UP] = (
            f"the worker died in each of {queued_jobs.MAX_TAKEOVERS + 1} attempts at {names}: see"
            " its log, and how much memory it has"
        )
    return reasons


def update_cluster_alarms(
    connection: Connection, reasons: Mapping[str, str], now: datetime
) -> None:
    """Raise and clear the alarms about the cluster.

    Args:
        connection: A connection that may write.
        reasons: As :func:`find_cluster_alarms` returns them.
        now: Aware, in UTC.
    """
    alarms.update_open(connection, None, reasons, (_WORKERS, _GIVEN_UP), now)


def are_cluster_alarms_true(connection: Connection, reasons: Mapping[str, str]) -> bool:
    """Return whether the open alarms about the cluster are those that are to be open."""
    open_kinds = {alarm.kind for alarm in alarms.list_open(connection)}
    return open_kinds & {_WORKERS, _GIVEN_UP} == reasons.keys()
