"""A database that is restarted, and one behind a pooler."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.cluster_trial import SETTINGS, run_trial, wait_until
from tests.support.pgbouncer import run_pgbouncer
from tests.support.postgres import EMPTY_LEDGER, create_database, find_server_programs, run_cluster

pytestmark = [pytest.mark.process, pytest.mark.postgres, pytest.mark.slow]

PIECES = [f"p{number:02}" for number in range(30)]


def test_a_restart_of_the_database_costs_no_job() -> None:
    """Without the loop, the worker leaves with status 0 and the rest of the jobs waits for ever."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with run_cluster(programs) as server, run_trial(f"{server.url}/postgres") as trial:
        worker = trial.start_worker(concurrency=2)
        without_loop = trial.start_worker(has_loop=False)
        trial.add(*(f"{name} 0.2 0.02" for name in PIECES))
        worker.wait_until_said_something("ended ")
        server.stop("fast")
        server.start()
        wait_until(lambda: without_loop.process.poll() == 0, "the worker without the loop leaves")
        trial.wait_until_done(*PIECES)
        assert worker.process.poll() is None


def test_jobs_are_done_through_a_pooler(postgres_server: str) -> None:
    """It knows neither LISTEN nor prepared statements, nor a session that stays."""
    with (
        create_database(postgres_server, EMPTY_LEDGER) as url,
        run_trial(url) as trial,
        run_pgbouncer(postgres_server) as pooler,
    ):
        settings = replace(SETTINGS, listen=False)
        database = url.rpartition("/")[2]
        trial.start_worker(f"{pooler}/{database}", concurrency=4, worker=settings)
        trial.add(*(f"{name} 0 0" for name in PIECES))
        trial.wait_until_done(*PIECES)
