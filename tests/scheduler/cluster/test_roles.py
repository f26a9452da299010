"""The commands of a cluster as an operator starts them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from alerts.ledger import Ledger, open_ledger, queued_jobs
from scheduler.config import load_config
from tests.support.cluster_trial import wait_until
from tests.support.paths import REPOSITORY
from tests.support.postgres import EMPTY_LEDGER, create_database
from tests.support.service import RunningReplica, ServiceFolder, build_config, run_replica

pytestmark = [pytest.mark.process, pytest.mark.postgres, pytest.mark.slow]

#: What steps the clock of a process, as a file says.
STEPPED_CLOCK = REPOSITORY / "tests" / "chaos" / "stepped_clock"
#: So that a change is sent within seconds.
QUICK = """
every_minutes = 0.05
[cluster]
tick_seconds = 1
poll_seconds = 0.5
"""


@pytest.fixture
def replica() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture
def service(
    tmp_path: Path, postgres_server: str, replica: RunningReplica
) -> Iterator[ServiceFolder]:
    """A service on PostgreSQL that nothing runs yet."""
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        ledger = f'\n[ledger]\nurl = "{url}"\n'
        yield ServiceFolder(tmp_path, build_config(replica.url, extra=QUICK + ledger))


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def read_state(port: int) -> str:
    """The state of the service as the pages say it; empty while they are not served."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=5) as answer:
            return str(json.load(answer)["state"])
    except OSError:
        return ""


def test_a_question_goes_through_a_cluster_to_an_inbox_once(
    service: ServiceFolder, replica: RunningReplica
) -> None:
    port = find_free_port()
    with ExitStack() as stack:
        roles = [
            stack.enter_context(service.running(*command))
            for command in (
                ("schedule",),
                ("schedule",),
                ("work", "--concurrency", "4"),
                ("serve", "--port", str(port)),
            )
        ]
        wait_until(lambda: read_state(port) == "well", "all roles are there")
        replica.go_to_stage(1)
        wait_until(lambda: bool(service.emails), "an email")
        shown = service.run("status", expect=None).stdout
        assert "processes: 2 schedule, 1 serve, 1 work" in shown
        for role in roles:
            role.send_signal(signal.SIGTERM)
        assert [role.wait(timeout=60) for role in roles] == [0, 0, 0, 0]
    assert len(service.emails) == 1


@pytest.mark.usefixtures("new_python")
def test_a_clock_that_is_set_back_holds_up_no_schedule(
    service: ServiceFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By less than would differ from the database's too much, as a time server does it."""
    url = load_config(service.folder / "config.toml").ledger.url.reveal()
    clock = tmp_path / "clock"
    clock.write_text("0")
    monkeypatch.setenv("CHAOS_CLOCK", str(clock))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (STEPPED_CLOCK, REPOSITORY))))
    with service.running("schedule") as schedule, closing(open_ledger(url)) as ledger:
        wait_until(lambda: take_crawls(ledger), "a job of the first moment")
        clock.write_text("-240")
        time.sleep(1)  # until it has looked at the file
        take_crawls(ledger)
        wait_until(lambda: take_crawls(ledger), "a job of a later moment")
        schedule.send_signal(signal.SIGTERM)
        assert schedule.wait(timeout=60) == 0


def take_crawls(ledger: Ledger) -> bool:
    """Whether there are crawls to be made; they are taken."""
    with ledger.writing_shard() as connection:
        if not queued_jobs.are_installed(connection):
            return False
        connection.execute(text("set local search_path to jobs, public"))
        done = text("delete from jobs.procrastinate_jobs where task_name = 'crawl'")
        return connection.execute(done).rowcount > 0


def test_a_second_run_stands_by_and_takes_over(
    service: ServiceFolder, replica: RunningReplica
) -> None:
    with service.running("run") as first:
        assert first.stderr is not None
        assert any("crawl ended: source=london verdict=ok" in line for line in first.stderr)
        with service.running("run") as second:
            assert second.stderr is not None
            lines = iter(second.stderr)
            assert any("stands by" in line for line in lines)
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=60) == 0
            assert any("works on the ledger again" in line for line in lines)


@pytest.mark.parametrize("command", ["serve", "work", "schedule"])
def test_a_cluster_needs_postgres(tmp_path: Path, command: str) -> None:
    done = ServiceFolder(tmp_path, build_config("http://127.0.0.1:9")).run(command, expect=78)
    assert "a cluster needs a ledger on PostgreSQL" in done.stderr


def test_a_queue_that_there_is_not_is_refused(tmp_path: Path) -> None:
    folder = ServiceFolder(tmp_path, build_config("http://127.0.0.1:9"))
    done = folder.run("work", "--queues", "match,letters", expect=64)
    assert "there is no queue 'letters'" in done.stderr
