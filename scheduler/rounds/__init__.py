"""Rounds: how often they are run, how each step is noted, and what rounds of a process remember.

Owns the boundary around a job, what idle rounds leave in the ledger, and what a daemon does now in
words. It must not know the steps.
"""

from scheduler.rounds.activity import Activity
from scheduler.rounds.interval import Interval
from scheduler.rounds.job_notes import (
    JobFailure,
    JobNotes,
    UnwrittenFailure,
    describe_failure,
)
from scheduler.rounds.round_memory import HourlyWork, RoundMemory

__all__ = [
    "Activity",
    "HourlyWork",
    "Interval",
    "JobFailure",
    "JobNotes",
    "RoundMemory",
    "UnwrittenFailure",
    "describe_failure",
]
