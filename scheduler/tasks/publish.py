"""The task that writes the feeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.feeds import FeedShare, are_files_lost, list_waiting_shares, publish_feeds
from scheduler.service import Service
from scheduler.tasks.task import Task


def _list_waiting(connection: Connection, _now: datetime) -> Sequence[str]:
    """Return a key for each share of the feeds: ``2/3``."""
    return [f"{share.number}/{share.of}" for share in list_waiting_shares(connection)]


def _run(service: Service, key: str) -> Counter[str]:
    number, _, of = key.partition("/")
    share = FeedShare(int(number), int(of))
    folder = service.config.feeds.path
    return Counter(feeds=publish_feeds(service.ledger, folder, service.feed_context, share))


def _list_lost(service: Service) -> Sequence[str]:
    """Return the key of all feeds where their files are gone, although nothing has changed."""
    is_lost = are_files_lost(service.ledger, service.config.feeds.path, service.feed_context)
    return ["1/1"] if is_lost else []


#: After what ends in an email: feed readers ask every half hour or so.
PUBLISH = Task("publish", 10, _list_waiting, _run, _list_lost)
