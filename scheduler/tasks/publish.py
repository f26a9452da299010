"""The task that writes the feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.feeds import publish_feeds
from scheduler.service import Service
from scheduler.tasks.task import WHOLE, Task


def _list_waiting(_connection: Connection, _now: datetime) -> Sequence[str]:
    return [WHOLE]


def _run(service: Service, _key: str) -> Counter[str]:
    folder = service.config.feeds.path
    return Counter(feeds=publish_feeds(service.ledger, folder, service.feed_context))


#: After what ends in an email: feed readers ask every half hour or so.
PUBLISH = Task("publish", 10, _list_waiting, _run)
