"""A cluster on trial: its processes, database, mail server and visitors."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, text

from alerts.ledger import Ledger, open_ledger, queued_jobs
from alerts.ledger.schema import message
from scheduler.cluster.engine_schema import install_engine
from tests.support.paths import REPOSITORY
from tests.support.postgres import RunningCluster, find_server_programs, run_cluster
from tests.support.smtp_server import SmtpServer, run_smtp_server
from tests.trials.arrivals import ArrivalReader
from tests.trials.far_network import FarNetwork, make_far_network
from tests.trials.population import Population
from tests.trials.processes import SupervisedProcess, Supervisor
from tests.trials.visitors import SiteVisitor, visiting

#: Seconds between two signs of life of a process, and so on: a tenth of the usual, and half a
#: second where a busy machine would be late.
BEAT_SECONDS = 1.0
#: A worker that gives no sign of life for so long is taken for dead: see `[cluster]`.
STALLED_SECONDS = 6 * BEAT_SECONDS
#: How long to wait for a worker that is sending.
_SENDER_SECONDS = 20.0
_EVERYWHERE = "0.0.0.0"  # noqa: S104  # a private server, also for the worker in its own network


@dataclass(frozen=True)
class ClusterOnTrial:
    """All that a fault can reach, and all that is watched."""

    database: RunningCluster
    ledger: Ledger
    mail_server: SmtpServer
    supervisor: Supervisor
    population: Population
    arrivals: ArrivalReader
    visitors: tuple[SiteVisitor, ...]
    far_network: FarNetwork | None
    folder: Path

    def find_sender(self) -> SupervisedProcess:
        """Return a worker that is handing messages over; the first one where none does for long."""
        workers = {
            one.process.pid: one
            for one in self.supervisor.processes.values()
            if one.role == "work" and one.process
        }
        end = time.monotonic() + _SENDER_SECONDS
        while time.monotonic() < end:
            found = [workers[pid] for pid in self._list_senders() if pid in workers]
            if found:
                return found[0]
        return next(iter(workers.values()))

    def _list_senders(self) -> list[int]:
        """The process ids of those who are handing messages over."""
        wanted = select(message.c.holder).where(message.c.phase == "handing_over")
        with self.ledger.reading() as connection:
            holders = connection.execute(wanted).scalars()
            return [int(one.partition(" pid ")[2].partition(" ")[0]) for one in holders if one]

    def end_sessions(self) -> None:
        """End all sessions of the database but this one."""
        with self.ledger.engine.connect() as connection:
            connection.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )
            )


@contextmanager
def run_cluster_on_trial(
    folder: Path, population: Population, *, has_far_worker: bool, mail_seconds: float
) -> Iterator[ClusterOnTrial]:
    """Yield a running cluster with two schedulers, two web processes and three workers.

    Args:
        folder: An empty folder.
        population: Who is subscribed.
        has_far_worker: Whether one of the workers is in a network of its own.
        mail_seconds: Until the mail server acknowledges a message.
    """
    programs = find_server_programs()
    assert programs is not None, "no PostgreSQL server (Debian: apt-get install postgresql)"
    with ExitStack() as stack:
        far = stack.enter_context(make_far_network()) if has_far_worker else None
        host = _EVERYWHERE if far else "127.0.0.1"
        database = stack.enter_context(run_cluster(programs, host))
        mail_server = stack.enter_context(run_smtp_server(host))
        url = f"{database.url}/postgres"
        mail_server.on_dot = lambda: time.sleep(mail_seconds)
        _write_config(folder / "config.toml", url, "127.0.0.1", mail_server.port)
        ledger = open_ledger(url)
        stack.callback(ledger.close)
        install_engine(ledger)
        population.subscribe(ledger)
        supervisor = Supervisor(folder, dict(os.environ) | {"PYTHONPATH": str(REPOSITORY)})
        stack.enter_context(supervisor.running())
        visitors = tuple(_start_roles(supervisor))
        if far:
            far_url = url.replace("127.0.0.1", far.get_address("database"))
            far_host = far.get_address("mail")
            _write_config(folder / "far.toml", far_url, far_host, mail_server.port)
            supervisor.add("work 3", "work", "--config", "far.toml", before=far.before)
        else:
            supervisor.add("work 3", "work")
        stack.enter_context(visiting(*visitors))
        yield ClusterOnTrial(
            database=database,
            ledger=ledger.announcing_by(queued_jobs.announce),
            mail_server=mail_server,
            supervisor=supervisor,
            population=population,
            arrivals=ArrivalReader(mail_server, population),
            visitors=visitors,
            far_network=far,
            folder=folder,
        )


def _start_roles(supervisor: Supervisor) -> Iterator[SiteVisitor]:
    """Start all but the third worker; give a visitor of each web process."""
    for number in ("1", "2"):
        port = _find_free_port()
        serve = supervisor.add(f"serve {number}", "serve", "--port", str(port))
        yield SiteVisitor(serve, port)
        supervisor.add(f"schedule {number}", "schedule")
        supervisor.add(f"work {number}", "work")


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _write_config(path: Path, url: str, mail_host: str, mail_port: int) -> None:
    path.touch(mode=0o600)
    path.write_text(f"""
[ledger]
url = "{url}"
[site]
public_url = "http://127.0.0.1"
[sources.london]
url = "https://replica.example"
enabled = false
[mail]
channel = "smtp"
[channels.smtp]
host = "{mail_host}"
port = {mail_port}
security = "none"
[operator]
email = "operator@demo.example"
[digests]
batch_minutes = 0
[cluster]
beat_seconds = {BEAT_SECONDS}
tick_seconds = 2
""")
