"""PostgreSQL is restarted, or ends the session of the lock, while a daemon delivers.

Another process takes over at that moment. Whatever happens, no message goes out twice and none is
lost, and the daemon says that it no longer works on the ledger, and works again afterwards.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, text

from alerts.ledger import open_ledger, topics
from alerts.ledger.schema import subscriber, subscription
from crawler.records import encode_record
from scheduler.clock import wall_clock
from tests.support.paths import WATCHWORD_COMMAND
from tests.support.postgres import RunningCluster, find_server_programs, run_cluster
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer, run_smtp_server

# "kill" is not measured: under a trace function, threads fail to start now and then if many begin.
pytestmark = [
    pytest.mark.kill,
    pytest.mark.process,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

PEOPLE = 150
CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[ledger]
url = "{url}/postgres"
[mail]
channel = "smtp"
from_address = "w@demo.example"
[channels.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = 4
"""

#: What happens to the database in the middle of a delivery.
Fault = Callable[[RunningCluster], None]


@pytest.fixture
def cluster() -> Iterator[RunningCluster]:
    """A PostgreSQL server that the test may restart."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with run_cluster(programs) as running:
        yield running


def restart(cluster: RunningCluster) -> None:
    cluster.stop("fast")
    cluster.start()


def crash(cluster: RunningCluster) -> None:
    cluster.stop("immediate")
    cluster.start()


def end_all_sessions(cluster: RunningCluster) -> None:
    _terminate(cluster, "datname = 'postgres'")


def end_the_locks_session(cluster: RunningCluster) -> None:
    locks = "select pid from pg_locks where locktype = 'advisory' and granted"
    _terminate(cluster, f"pid in ({locks})")


def _terminate(cluster: RunningCluster, which: str) -> None:
    engine = create_engine(f"{cluster.url}/postgres".replace("postgresql", "postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"  # noqa: S608
                f" where {which} and pid <> pg_backend_pid()"
            )
        )
    engine.dispose()


@contextmanager
def prepare(folder: Path, cluster: RunningCluster) -> Iterator[tuple[ServiceFolder, SmtpServer]]:
    """A service with a message for everybody in its outbox, and a mail server that takes time."""
    with run_smtp_server() as server:
        service = ServiceFolder(folder, CONFIG.format(url=cluster.url, port=server.port))
        add_subscribers(f"{cluster.url}/postgres")
        write_record(service, 1)
        server.script["banner"] = "421 not yet"
        service.run_process("ingest", "--as-new", "records.jsonl", expect=69)
        del server.script["banner"]
        server.on_dot = lambda: time.sleep(0.1)
        yield service, server


def add_subscribers(url: str) -> None:
    now = wall_clock()
    ledger = open_ledger(url)
    with ledger.writing() as connection:
        topic = topics.ensure(connection, "bench", "benches", now)
        base = {"zone": "Europe/London", "hour": 7, "created_at": now}
        people = [
            {"id": n, "email": f"p{n}@demo.example", "token": f"t{n}", **base}
            for n in range(1, PEOPLE + 1)
        ]
        connection.execute(insert(subscriber), people)
        wish = {"query": "benches", "frequency": "immediate", "updates": "all", "origin": "command"}
        at = {"topic_id": topic.id, "sent_up_to": 0, "created_at": now}
        rows = [{"subscriber_id": n, **wish, **at} for n in range(1, PEOPLE + 1)]
        connection.execute(insert(subscription), rows)
    ledger.engine.dispose()


def write_record(service: ServiceFolder, number: int) -> None:
    record = make_question(number, make_answer("There are more benches."))
    (service.folder / "records.jsonl").write_bytes(encode_record(record))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(0.05)


def run_beside(service: ServiceFolder, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command; it is busy (75) for as long as the daemon has not lost the lock."""
    return subprocess.run(
        [str(WATCHWORD_COMMAND), *arguments],
        cwd=service.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "fault", [restart, crash, end_all_sessions, end_the_locks_session], ids=lambda f: f.__name__
)
def test_no_message_goes_out_twice(fault: Fault, cluster: RunningCluster, tmp_path: Path) -> None:
    with prepare(tmp_path, cluster) as (service, server):
        with service.running("run") as daemon:
            wait_for(lambda: len(server.messages) > PEOPLE // 5)
            fault(cluster)
            write_record(service, 2)
            beside = run_beside(service, "ingest", "--as-new", "records.jsonl")
            assert beside.returncode in {0, 75}, beside.stderr
            assert len(beside.stderr.splitlines()) <= 1
            if beside.returncode == 0:  # it was the writer: the daemon sends the rest later
                assert server.messages
            wait_for(lambda: len(server.message_id_counts) >= PEOPLE, seconds=150)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(60) == 0
            assert daemon.stderr is not None
            log = daemon.stderr.read()
        run_beside(service, "once")
        assert "Traceback" not in log
        assert "no longer the writer of the ledger" in log
        counts = server.message_id_counts
        assert set(counts.values()) == {1}
        assert len(counts) in {PEOPLE, 2 * PEOPLE}


def test_a_round_that_is_overtaken_ends_with_75_and_one_line(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    with prepare(tmp_path, cluster) as (service, server):
        with service.start("once") as once:
            wait_for(lambda: len(server.messages) > PEOPLE // 5)
            end_the_locks_session(cluster)
            beside = run_beside(service, "once")
            assert beside.returncode == 0, beside.stderr
            assert once.wait(60) == 75
            assert once.stderr is not None
            lines = once.stderr.read().splitlines()
        assert "Traceback" not in "\n".join(lines)
        assert "another watchword has begun to work on this ledger" in lines[-1]
        assert set(server.message_id_counts.values()) == {1}
        assert len(server.message_id_counts) == PEOPLE
