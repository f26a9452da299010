"""The task that composes the digests that are due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.digests import (
    begin_round,
    compose_due_digests,
    compose_range,
    is_round_due,
    list_waiting_ranges,
)
from scheduler.service import Service
from scheduler.tasks.task import ProgressCallback, Task


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


#: The key of what comes before composing: the end of pauses, and what is due with the time.
_BEGINNING = "begin"


def _list_waiting(connection: Connection, now: datetime) -> Sequence[str]:
    """Return the ranges of subscribers to look at, after what comes before."""
    begins = [_BEGINNING] if is_round_due(connection, now) else []
    return begins + [str(number) for number in list_waiting_ranges(connection, now)]


def _run(service: Service, key: str) -> Counter[str]:
    if key == _BEGINNING:
        begin_round(service.ledger, service.clock())
        return Counter()
    digests = compose_range(service.ledger, service.digest_settings, service.clock(), int(key))
    return Counter(digests=digests)


COMPOSE = Task("compose", 20, _list_waiting, _run)
