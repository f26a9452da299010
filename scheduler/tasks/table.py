"""The table of all tasks, and how one process does what waits."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from alerts.ledger import LedgerUnavailable, WriterLost
from scheduler.service import Service
from scheduler.tasks.compose import COMPOSE
from scheduler.tasks.deliver import DELIVER
from scheduler.tasks.match import MATCH
from scheduler.tasks.publish import PUBLISH
from scheduler.tasks.task import Task
from scheduler.tasks.words import WORDS

log = logging.getLogger("watchword.jobs")

#: Every task by its name, in the order in which one process does them.
TASKS: dict[str, Task] = {task.name: task for task in (MATCH, PUBLISH, COMPOSE, DELIVER, WORDS)}


def run_waiting(service: Service, task: Task) -> Counter[str]:
    """Do each piece of a task that waits, and those that come up by that, each once.

    A piece that fails does not hold up the others. The first failure is raised in the end.

    Returns:
        How many things of which kind were done.

    Raises:
        LedgerUnavailable: The ledger cannot be used now; nothing more was tried.
        WriterLost: Another process has become the writer; nothing more was tried.
    """
    known: set[str] = set()
    done: Counter[str] = Counter()
    failures: list[Exception] = []
    while keys := [key for key in _list_waiting(service, task) if key not in known]:
        known.update(keys)
        for key in keys:
            try:
                done.update(task.run(service, key))
            except (LedgerUnavailable, WriterLost):
                raise
            except Exception as error:  # noqa: BLE001  # the boundary of a piece; raised below
                failures.append(error)
    for failure in failures[1:]:
        log.error("%s failed in another piece too: %s", task.name, failure)
    if failures:
        raise failures[0]
    return done


def _list_waiting(service: Service, task: Task) -> Sequence[str]:
    with service.ledger.reading() as connection:
        return task.list_waiting(connection, service.clock())
