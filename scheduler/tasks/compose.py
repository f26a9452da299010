"""The task that composes the digests that are due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.digests import compose_due_digests
from scheduler.service import Service
from scheduler.tasks.task import WHOLE, ProgressCallback, Task


def compose_digests(
    service: Service,
    *,
    only_email: str | None = None,
    on_progress: ProgressCallback = lambda _done, _total: None,
) -> int:
    """Put the digests that are due into the outbox; return their number.

    Args:
        service: The open service.
        only_email: The one subscriber whose digest to compose; None for all.
        on_progress: Called after each subscriber with the number of those that are done, and of
            all.
    """
    return compose_due_digests(
        service.ledger,
        service.digest_settings,
        service.clock(),
        only_email=only_email,
        on_progress=on_progress,
    )


def _list_waiting(_connection: Connection, _now: datetime) -> Sequence[str]:
    return [WHOLE]


def _run(service: Service, _key: str) -> Counter[str]:
    return Counter(digests=compose_digests(service))


COMPOSE = Task("compose", 20, _list_waiting, _run)
