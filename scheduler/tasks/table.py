"""The table of all tasks."""

from __future__ import annotations

from scheduler.tasks.compose import COMPOSE
from scheduler.tasks.deliver import DELIVER
from scheduler.tasks.match import MATCH
from scheduler.tasks.publish import PUBLISH
from scheduler.tasks.task import Task
from scheduler.tasks.words import WORDS

#: Every task by its name, in the order in which one process does them.
TASKS: dict[str, Task] = {task.name: task for task in (MATCH, PUBLISH, COMPOSE, DELIVER, WORDS)}
