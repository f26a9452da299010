"""The task that composes the digests that are due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from alerts.digests import compose_due_digests, list_waiting_pieces
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


def _run(service: Service, key: str) -> Counter[str]:
    """Do one piece in this process alone: a cluster has one for each core."""
    alone = msgspec.structs.replace(service.digest_settings, processes=1)
    return Counter(
        digests=compose_due_digests(service.ledger, alone, service.clock(), pieces=[key])
    )


def _run_together(service: Service, keys: Sequence[str]) -> Counter[str]:
    digests = compose_due_digests(
        service.ledger, service.digest_settings, service.clock(), pieces=keys
    )
    return Counter(digests=digests)


COMPOSE = Task("compose", 20, list_waiting_pieces, _run, run_together=_run_together)
