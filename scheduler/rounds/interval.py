"""How often a job runs in a process."""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger


class Interval(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Runs a job every so many seconds; runs that were missed count as one.

    APScheduler's own trigger is asked for each missed run, although they are then made one: where
    a clock is set fifty years ahead, a job of every half minute would take a minute and gigabytes.
    """

    def __init__(self, seconds: float) -> None:
        """Take the seconds between two runs, more than 0."""
        self._period = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the first time after ``now`` that is whole periods after the previous one.

        Args:
            previous_fire_time: When the job ran last, or should have; None before it first runs.
            now: The present, aware.
        """
        if previous_fire_time is None:
            return now
        passed = max(0, (now - previous_fire_time) // self._period)
        return previous_fire_time + (passed + 1) * self._period
