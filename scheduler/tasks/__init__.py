"""The tasks: what turns changes into matches, feeds, digests and delivered messages.

Owns the table of tasks (:data:`TASKS`): how each finds what waits, and how one piece of it is done.
The round of a single process calls them one after another; in a cluster, workers call them when
they are woken. A task may be killed, repeated, or run by several processes at a time: what it did
is marked in the ledger in the transaction that did it. It must not know who calls it.
"""

from scheduler.tasks.compose import compose_digests
from scheduler.tasks.deliver import (
    MAX_DELIVERY_SECONDS,
    deliver_messages,
    deliver_outbox,
    is_delivery_due,
    tell_operator,
)
from scheduler.tasks.table import TASKS
from scheduler.tasks.task import Task
from scheduler.tasks.upkeep import AlarmUpdate, delete_expired_data

__all__ = [
    "MAX_DELIVERY_SECONDS",
    "TASKS",
    "AlarmUpdate",
    "Task",
    "compose_digests",
    "delete_expired_data",
    "deliver_messages",
    "deliver_outbox",
    "is_delivery_due",
    "tell_operator",
]
