"""The cluster: the roles that share the work of a ledger on PostgreSQL.

Owns the engine (Procrastinate, in the extra ``cluster``) and what it lacks: a guard, so that a
worker that was overtaken ends no job of another; a fence, so that it commits nothing; a sweep,
which takes jobs from the dead; and a loop, which outlives a restart of the database. What is to be
done is in `scheduler.tasks`, and whether it was done is in the ledger; a job only wakes a worker.
"""

from scheduler.cluster.page_controls import ClusterControls
from scheduler.cluster.roles import run_schedule, run_serve, run_work
from scheduler.cluster.work_queues import QUEUES

__all__ = ["QUEUES", "ClusterControls", "run_schedule", "run_serve", "run_work"]
