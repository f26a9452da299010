"""The alarm about limits: everybody together has reached one, or they cannot be counted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms
from alerts.limits import LimitReport

_KIND = "limits"


def update_limit_alarm(connection: Connection, report: LimitReport, now: datetime) -> None:
    """Raise the alarm about ceilings at which somebody was refused, and clear it a period later.

    While requests go on to be refused, the alarm stays open, although a moment in between may have
    room: the operator is notified once.

    Args:
        connection: A connection that may write.
        report: How far the limits are used.
        now: Aware, in UTC.
    """
    reached = [
        f"{one.most} {one.limit} in {one.period} ({one.refused} more were refused)"
        for one in report.reached_ceilings
    ]
    reasons: dict[str, str] = {}
    if not report.use and report.warnings:  # the counts cannot be read, so sign-ups are refused
        reasons[_KIND] = report.warnings[0]
    if reached:
        reasons[_KIND] = (
            f"everybody together has reached what is allowed: {', '.join(reached)}; "
            "see `watchword status`"
        )
    alarms.update_open(connection, None, reasons, (_KIND,), now)
