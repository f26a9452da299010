"""The alarm about the machine's clock."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import alarms

#: The kind of the alarm.
CLOCK_ALARM = "clock"


def update_clock_alarm(connection: Connection, reason: str | None, now: datetime) -> None:
    """Raise the alarm about the clock, or clear it.

    Args:
        connection: A connection that may write.
        reason: What is odd about the clock; None if nothing is.
        now: When the alarm is raised or cleared.
    """
    reasons = {CLOCK_ALARM: reason} if reason else {}
    alarms.update_open(connection, None, reasons, (CLOCK_ALARM,), now)
