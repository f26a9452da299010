"""The alarms about the service itself: mail that cannot be delivered, and jobs that fail."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from alerts.ledger import alarms, deliveries, jobs
from alerts.ledger.jobs import JobRecord

_MAIL_ALARMS = ("queue", "content_rejected", "daily_limit")
#: A message is tried within seconds and retried within minutes; an hour without a first attempt
#: means that the mail server cannot be used.
_MAX_QUEUE_DELAY = timedelta(hours=1)
#: One rejection a day can be a single mailbox's filter; five in a day concern what we send.
_MIN_CONTENT_REJECTIONS = 5
_REJECTION_PERIOD = timedelta(hours=24)


def update_mail_alarms(
    connection: Connection, over_daily_limit: int, problem: str | None, now: datetime
) -> None:
    """Raise and clear the alarms about delivery.

    Args:
        connection: A connection that may write.
        over_daily_limit: Digests that wait because ``[mail] per_day`` is used up.
        problem: Why the channel could not be used, None if it could.
        now: Aware, in UTC.
    """
    oldest = deliveries.find_oldest_queued(connection, now)
    rejected = deliveries.count_outcomes_since(
        connection, "content_rejected", now - _REJECTION_PERIOD
    )
    reasons: dict[str, str] = {}
    if over_daily_limit:  # which also explains a queue
        reasons["daily_limit"] = f"{over_daily_limit} digests wait because mail.per_day is used up"
    elif oldest is not None and now - oldest > _MAX_QUEUE_DELAY:
        why = f": {problem}" if problem else ""
        reasons["queue"] = f"messages have waited since {oldest:%Y-%m-%d %H:%M} UTC{why}"
    if rejected >= _MIN_CONTENT_REJECTIONS:
        reasons["content_rejected"] = (
            f"{rejected} messages in 24 hours were rejected for their content, not their "
            "recipient: see `watchword deliveries --phase failed`"
        )
    alarms.update_open(connection, None, reasons, _MAIL_ALARMS, now)


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
