"""The table of all tasks, and how one process does what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scheduler.service import Service
from scheduler.tasks.compose import COMPOSE
from scheduler.tasks.deliver import DELIVER
from scheduler.tasks.match import MATCH
from scheduler.tasks.publish import PUBLISH
from scheduler.tasks.task import Task
from scheduler.tasks.words import WORDS

#: Every task by its name, in the order in which one process does them.
TASKS: dict[str, Task] = {task.name: task for task in (MATCH, PUBLISH, COMPOSE, DELIVER, WORDS)}


def run_waiting(service: Service, task: Task) -> Counter[str]:
    """Do each piece of a task that waits, and those that come up by that, each once.

    Returns:
        How many things of which kind were done.
    """
    known: set[str] = set()
    done: Counter[str] = Counter()
    while keys := [key for key in _list_waiting(service, task) if key not in known]:
        known.update(keys)
        if task.run_together is not None:
            done.update(task.run_together(service, keys))
            continue
        for key in keys:
            done.update(task.run(service, key))
    return done


def _list_waiting(service: Service, task: Task) -> Sequence[str]:
    with service.ledger.reading() as connection:
        return task.list_waiting(connection, service.clock())
