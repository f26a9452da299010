"""A backlog is divided among workers, and an empty outbox wakes none."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import Ledger, cluster_processes
from alerts.ledger.cluster_processes import ProcessRecord
from scheduler.config import parse_config
from scheduler.service import open_service
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


def test_a_process_delivers_in_one_piece_at_a_time(tmp_path: Path, now: datetime) -> None:
    """A second piece would take connections that are another process's part."""
    service = open_service(parse_config("", tmp_path, "config.toml"), clock=lambda: now)
    queue_messages(service.ledger, now, "ada@demo.example")
    with service.delivering:
        assert TASKS["deliver"].run(service, "2") == {}
    assert TASKS["deliver"].run(service, "1") == {"sent": 1}
    service.ledger.close()


def test_processes_that_take_jobs_from_a_queue_are_counted(ledger: Ledger, now: datetime) -> None:
    known = [
        ProcessRecord("a:1", "work", "crawl, deliver", now, now),
        ProcessRecord("a:2", "work", "deliver", now, now),
        ProcessRecord("a:3", "work", "compose", now, now),
        ProcessRecord("a:4", "schedule", "", now, now),
        ProcessRecord("b:1", "work", "deliver", now, now - timedelta(minutes=4)),
    ]
    with ledger.writing() as connection:
        for record in known:
            cluster_processes.beat(connection, record)
    with ledger.reading() as connection:
        assert cluster_processes.count_workers(connection, "deliver", now) == 2
