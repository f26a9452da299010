"""The task that compares new changes with the topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from scheduler.service import Service
from scheduler.tasks.task import WHOLE, Task


def _list_waiting(_connection: Connection, _now: datetime) -> Sequence[str]:
    return [WHOLE]


def _run(service: Service, _key: str) -> Counter[str]:
    """Match what is new, and raise or clear the alarm about topics that cannot be read."""
    added = service.topic_matcher.match_new_changes()
    service.topic_matcher.update_alarm(service.clock())
    return Counter(matches=added)


#: Before publishing and composing, which need the matches.
MATCH = Task("match", 20, _list_waiting, _run)
