"""The task that compares new changes with the topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.ledger import topic_ranges
from scheduler.service import Service
from scheduler.tasks.task import Task


def _list_waiting(connection: Connection, _now: datetime) -> Sequence[str]:
    return [str(key) for key in topic_ranges.list_waiting(connection)]


def _run(service: Service, key: str) -> Counter[str]:
    """Match a range, and raise or clear the alarm about topics that cannot be read."""
    added = service.topic_matcher.match_range(int(key))
    service.topic_matcher.update_alarm(service.clock())
    return Counter(matches=added)


#: Before publishing and composing, which need the matches.
MATCH = Task("match", 20, _list_waiting, _run)
