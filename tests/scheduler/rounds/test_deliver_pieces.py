"""A backlog is divided among workers, and an empty outbox wakes none."""

from __future__ import annotations

from datetime import datetime

import pytest

from alerts.ledger import Ledger
from scheduler.tasks import TASKS
from tests.support.outbox import queue_messages


@pytest.mark.parametrize(
    ("waiting", "pieces"), [(0, []), (1, ["1"]), (250, ["1"]), (251, ["1", "2"])]
)
def test_there_is_a_piece_for_each_worker_that_has_work(
    ledger: Ledger, now: datetime, waiting: int, pieces: list[str]
) -> None:
    if waiting:
        queue_messages(ledger, now, *(f"a{number}@demo.example" for number in range(waiting)))
    with ledger.reading() as connection:
        assert TASKS["deliver"].list_waiting(connection, now) == pieces
