"""Jobs are made once, are known by how long they wait, and old ones are deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from alerts.ledger import open_ledger, queued_jobs
from alerts.ledger.queued_jobs import QueuedJob
from scheduler.cluster.engine_schema import install_engine
from tests.support.postgres import EMPTY_LEDGER, create_database

pytestmark = [pytest.mark.postgres, pytest.mark.process]


def test_a_job_is_made_once_and_waits(postgres_server: str) -> None:
    job = QueuedJob("match", "0", "match", 20)
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        ledger = open_ledger(url)
        install_engine(ledger)
        with ledger.writing() as connection:
            assert queued_jobs.list_missing(connection, [job]) == [job]
            assert queued_jobs.add(connection, [job]) == 1
        with ledger.writing() as connection:
            assert queued_jobs.add(connection, [job]) == 0
            assert queued_jobs.list_missing(connection, [job]) == []
            assert queued_jobs.find_oldest_waiting(connection) is not None
            assert not queued_jobs.has_stalled(connection, 60)
            assert queued_jobs.release_stalled(connection, 60) == []
            assert queued_jobs.list_given_up(connection) == []
            assert queued_jobs.delete_old(connection, timedelta(days=30)) == 0
        ledger.close()


#: What the engine dated before the server's clock was set back by an hour.
AHEAD = [
    "insert into jobs.procrastinate_workers (last_heartbeat) values (now() + interval '1 hour')",
    "update jobs.procrastinate_jobs set scheduled_at = now() + interval '1 hour'",
    "update jobs.procrastinate_events set at = now() + interval '1 hour'",
    """insert into jobs.procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
       values ('crawl', 'london', extract(epoch from now() + interval '1 hour'))""",
]


@pytest.mark.parametrize("statement", AHEAD)
def test_what_lies_in_the_future_is_dated_now(postgres_server: str, statement: str) -> None:
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        ledger = open_ledger(url)
        install_engine(ledger)
        with ledger.writing() as connection:
            queued_jobs.add(connection, [QueuedJob("match", "0", "match", 20)])
        with ledger.writing() as connection:
            assert not queued_jobs.is_ahead(connection)
            connection.execute(text("set local search_path to public, jobs"))
            assert connection.execute(text(statement)).rowcount == 1
        with ledger.writing() as connection:
            assert queued_jobs.is_ahead(connection)
            queued_jobs.bring_back(connection)
        with ledger.writing() as connection:
            assert not queued_jobs.is_ahead(connection)
            assert queued_jobs.find_oldest_waiting(connection) is not None
        ledger.close()
