"""The queues of a cluster, and what the jobs in them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from sqlalchemy import Connection

from alerts.ledger import queued_jobs
from alerts.ledger.queued_jobs import PLAN, QueuedJob
from scheduler.cluster.periodic import PERIODIC
from scheduler.service import Service
from scheduler.tasks import TASKS

#: Does the piece with a key.
WorkFunction: TypeAlias = Callable[[Service, str], object]

#: Every queue; a worker takes them all unless it is told otherwise.
QUEUES: tuple[str, ...] = (*TASKS, *dict.fromkeys(task.queue for task in PERIODIC.values()))


def list_functions() -> Mapping[str, WorkFunction]:
    """Return what the jobs of a cluster do, by the names of their tasks."""
    done = {task.name: partial(_run_task, task.name) for task in TASKS.values()}
    periodic = {task.name: task.run for task in PERIODIC.values()}
    return {**done, **periodic, PLAN: plan_task}


def _run_task(name: str, service: Service, key: str) -> None:
    """Do one piece of a task; let it be looked for more, if there was some."""
    if TASKS[name].run(service, key).total():
        with service.ledger.writing_shard() as connection:
            service.ledger.announce(connection, name)


def plan_task(service: Service, name: str) -> int:
    """Make a job for each piece of a task that waits; return how many were made."""
    with service.ledger.writing_shard() as connection:
        return queued_jobs.add(connection, list_jobs(service, connection, name))


def list_jobs(service: Service, connection: Connection, name: str) -> list[QueuedJob]:
    """Return a job for each piece of a task that waits."""
    task = TASKS[name]
    keys = task.list_waiting(connection, service.clock())
    return [QueuedJob(name, key, queue=name, priority=task.priority) for key in keys]
