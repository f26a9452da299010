"""PostgreSQL is restarted, or a daemon stands still for longer than its lease, while it delivers.

A restart takes nothing from the daemon. Where it stood still, another process takes over. Whatever
happens, no message goes out twice and none is lost; a daemon that was overtaken says that it no
longer works on the ledger, and works again afterwards.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, insert, text

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


def _terminate(cluster: RunningCluster, which: str) -> None:
    with connect(cluster) as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"  # noqa: S608
                f" where {which} and pid <> pg_backend_pid()"
            )
        )


@contextmanager
def connect(cluster: RunningCluster) -> Iterator[Connection]:
    engine = create_engine(f"{cluster.url}/postgres".replace("postgresql", "postgresql+psycopg"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@contextmanager
def standing_still(
    process: subprocess.Popen[str], cluster: RunningCluster, service: ServiceFolder
) -> Iterator[None]:
    """Stop a process between two transactions, and let its lease end, until the block ends."""
    process.send_signal(signal.SIGSTOP)
    while count_open_transactions(cluster) or is_sent_log_locked(service):
        process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
    with connect(cluster) as connection:
        connection.execute(text("update writer set beat = beat - 60"))
        # Longer than messages are claimed for, and shorter than they are handed over.
        for table in ("message", "channel_licence"):
            sooner = "lease_until = lease_until - interval '3 minutes'"
            connection.execute(text(f"update {table} set {sooner}"))  # noqa: S608
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def count_open_transactions(cluster: RunningCluster) -> int:
    time.sleep(0.05)  # for what was sent before the process stopped
    with connect(cluster) as connection:
        count: int = connection.execute(
            text(
                "select count(*) from pg_stat_activity where xact_start is not null"
                " and pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        ).scalar_one()
    return count


def is_sent_log_locked(service: ServiceFolder) -> bool:
    """Whether a process writes to the sent log, or was stopped while it did."""
    file = service.folder / "var" / "sent" / "sent.sqlite3"
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
    return False


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


@pytest.mark.parametrize("fault", [restart, crash, end_all_sessions], ids=lambda f: f.__name__)
def test_a_restart_takes_nothing_from_the_daemon(
    fault: Fault, cluster: RunningCluster, tmp_path: Path
) -> None:
    with prepare(tmp_path, cluster) as (service, server):
        with service.running("run") as daemon:
            wait_for(lambda: len(server.messages) > PEOPLE // 5)
            fault(cluster)
            write_record(service, 2)
            beside = run_beside(service, "ingest", "--as-new", "records.jsonl")
            assert beside.returncode == 75, beside.stderr
            assert len(beside.stderr.splitlines()) == 1
            log = finish(daemon, server)
        assert "no longer the writer of the ledger" not in log
        counts = server.message_id_counts
        assert len(counts) == PEOPLE
        assert set(counts.values()) == {1}


def test_a_daemon_that_stood_still_sends_nothing_twice(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    with prepare(tmp_path, cluster) as (service, server):
        with service.running("run") as daemon:
            wait_for(lambda: len(server.messages) > PEOPLE // 5)
            write_record(service, 2)
            with standing_still(daemon, cluster, service):
                beside = run_beside(service, "ingest", "--as-new", "records.jsonl")
                assert beside.returncode == 0, beside.stderr
                epoch = read_epoch(cluster)
            wait_for(lambda: read_epoch(cluster) > epoch)  # the daemon works again
            log = finish(daemon, server)
        run_beside(service, "once")
        assert "no longer the writer of the ledger" in log
        counts = server.message_id_counts
        assert set(counts.values()) == {1}
        assert len(counts) in {PEOPLE, 2 * PEOPLE}


def read_epoch(cluster: RunningCluster) -> int:
    with connect(cluster) as connection:
        epoch: int = connection.execute(text("select epoch from writer")).scalar_one()
    return epoch


def finish(daemon: subprocess.Popen[str], server: SmtpServer) -> str:
    """Let the daemon send what it has, and end it; return its log."""
    wait_for(lambda: len(server.message_id_counts) >= PEOPLE, seconds=150)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0
    assert daemon.stderr is not None
    log = daemon.stderr.read()
    assert "Traceback" not in log
    return log


def test_a_round_that_is_overtaken_ends_with_75_and_one_line(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    with prepare(tmp_path, cluster) as (service, server):
        with service.start("once") as once:
            wait_for(lambda: len(server.messages) > PEOPLE // 5)
            with standing_still(once, cluster, service):
                beside = run_beside(service, "once")
                assert beside.returncode == 0, beside.stderr
            assert once.wait(60) == 75
            assert once.stderr is not None
            lines = once.stderr.read().splitlines()
        assert "Traceback" not in "\n".join(lines)
        assert "another watchword has begun to work on this ledger" in lines[-1]
        assert set(server.message_id_counts.values()) == {1}
        assert len(server.message_id_counts) == PEOPLE
