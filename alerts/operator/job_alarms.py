"""The alarms about jobs that fail again and again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms, jobs
from alerts.ledger.jobs import JobRecord

#: One failure can be a moment's; the next run of the job shows whether it stays.
_MIN_FAILURES_IN_A_ROW = 2


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
        if one.failures_in_a_row >= _MIN_FAILURES_IN_A_ROW
    }
    alarms.update_open(connection, None, reasons, [name_job_alarm(j.name) for j in known], now)


def name_job_alarm(job_name: str) -> str:
    """Return the kind of the alarm about a job: ``job match``."""
    return f"job {job_name}"


def _explain_failures(one: JobRecord) -> str:
    good = f"{one.good_at:%Y-%m-%d %H:%M} UTC" if one.good_at else "never"
    return f"the last {one.failures_in_a_row} runs failed, last good one {good}: {one.reason}"
