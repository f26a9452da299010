"""Rounds: how each step of one is noted, and what rounds of a process remember.

Owns the boundary around a job, and what idle rounds leave in the ledger. It must not know the
steps.
"""

from scheduler.rounds.job_notes import (
    JobFailure,
    JobNotes,
    UnwrittenFailure,
    describe_failure,
)
from scheduler.rounds.round_memory import HourlyWork, RoundMemory

__all__ = [
    "HourlyWork",
    "JobFailure",
    "JobNotes",
    "RoundMemory",
    "UnwrittenFailure",
    "describe_failure",
]
