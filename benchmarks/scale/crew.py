"""Processes that do one task of the service together, and what they used."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import BrokenBarrierError

import msgspec

from alerts.ledger import cluster_processes
from alerts.ledger.cluster_processes import ProcessRecord
from benchmarks.memory import read_peak_megabytes
from benchmarks.processor_time import describe_load, read_server_seconds
from benchmarks.scale.apart import get_fork_server
from scheduler.config import parse_config
from scheduler.service import Service, open_service
from scheduler.tasks import TASKS
from tests.support.postgres import RunningCluster

#: SMTP connections of each process.
_CONNECTIONS = 4
_CONFIG = """
[site]
public_url = "https://watch.example"
[ledger]
url = "{url}"
[sources.london]
url = "http://127.0.0.1:1"
[mail]
from_address = "watchword@demo.example"
channel = "smtp"
[[mail.dkim]]
selector = "bench"
key = "{key}"
[channels.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}
"""


class Site(msgspec.Struct, frozen=True):
    """A service whose work is measured."""

    url: str  #: of its ledger
    folder: Path  #: of its files; the log of what was sent must not be that of another ledger
    key: Path  #: that messages are signed with
    smtp_port: int


class Work(msgspec.Struct, frozen=True):
    """What a process is to do."""

    site: Site
    task: str
    moment: datetime  #: that the service's clock shows
    number: int  #: of the process, from 1
    workers: int  #: how many processes there are


class CrewMember(msgspec.Struct, frozen=True):
    """What one process did."""

    seconds: float  #: of its processor time
    peak_megabytes: int
    done: dict[str, int]


class CrewResult(msgspec.Struct, frozen=True):
    """What all processes did."""

    seconds: float  #: by the clock, from the start of work to the end of the last
    server_seconds: float  #: of the database's processor time
    members: tuple[CrewMember, ...]
    load: str

    @property
    def worker_seconds(self) -> float:
        """Processor time of all workers."""
        return sum(one.seconds for one in self.members)

    @property
    def peak_megabytes(self) -> int:
        """The most memory that one worker had."""
        return max(one.peak_megabytes for one in self.members)

    def count(self, what: str) -> int:
        """Return how many things of a kind were done."""
        return sum(one.done.get(what, 0) for one in self.members)


def run_crew(
    site: Site, task: str, moment: datetime, workers: int, server: RunningCluster
) -> CrewResult:
    """Let several new processes do a task until nothing of it waits.

    They are ready before the time begins. A failure of one of them is raised here.
    """
    context = get_fork_server()
    barrier, results = context.Barrier(workers + 1), context.Queue()
    crew = [
        context.Process(
            target=_work, args=(Work(site, task, moment, n + 1, workers), barrier, results)
        )
        for n in range(workers)
    ]
    for one in crew:
        one.start()
    with suppress(BrokenBarrierError):  # one of them has failed, and says why
        barrier.wait()
    began, used = time.perf_counter(), read_server_seconds(server)
    found = [_raise_failure(results.get()) for _ in crew]
    took = time.perf_counter() - began
    used = read_server_seconds(server) - used
    for one in crew:
        one.join()
    return CrewResult(took, used, tuple(found), describe_load())


def _raise_failure(result: CrewMember | Exception) -> CrewMember:
    if isinstance(result, Exception):
        raise result
    return result


def _work(work: Work, barrier: Barrier, results: Queue[CrewMember | Exception]) -> None:
    """Do the work of one process."""
    try:
        service = _open(work)
        barrier.wait()
        began = time.process_time()
        done = _do_all(service, work)
        seconds = time.process_time() - began
        results.put(CrewMember(seconds, read_peak_megabytes(), dict(done)))
    except Exception as error:  # noqa: BLE001  # the boundary of a process: its parent raises it
        barrier.abort()
        results.put(error)


def _open(work: Work) -> Service:
    """Open the service of a process, and let the others know it: they share the connections."""
    site = work.site
    text = _CONFIG.format(
        url=site.url,
        key=site.key,
        port=site.smtp_port,
        connections=_CONNECTIONS * work.workers,
    )
    config = parse_config(text, site.folder, "config.toml")
    service = open_service(config, clock=lambda: work.moment)
    name = f"{work.task} {work.number}"
    with service.ledger.writing_shard() as connection:
        record = ProcessRecord(name, "work", work.task, work.moment, work.moment)
        cluster_processes.beat(connection, record)
    return service


def _do_all(service: Service, work: Work) -> Counter[str]:
    """Do the pieces of a task until a look at them brings nothing.

    Each process begins elsewhere, as in a cluster, where no two have the same range at a time.
    """
    task, done = TASKS[work.task], Counter[str]()
    while True:
        with service.ledger.reading() as connection:
            keys = list(task.list_waiting(connection, work.moment))
        start = (work.number - 1) * len(keys) // work.workers
        turned = keys[start:] + keys[:start]
        found = sum((task.run(service, key) for key in turned), Counter[str]())
        done.update(found)
        if not found:
            return done
