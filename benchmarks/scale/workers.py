"""Composing and delivering with one, two and three processes, beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import msgspec

from alerts.ledger import open_ledger
from benchmarks.scale.crew import CrewResult, Site, run_crew
from benchmarks.scale.crowd import DIGEST_TIME, CrowdPlan, fill_ledger, record_day
from tests.support.postgres import RunningCluster, create_database

#: What a task counts.
_COUNTED = {"compose": "digests", "deliver": "sent"}


def measure_workers(
    server: RunningCluster, site: Site, plan: CrowdPlan, numbers: Sequence[int]
) -> None:
    """Print what each number of processes takes for the same digests.

    Args:
        server: The server.
        site: With the address of an empty database, of which copies are made.
        plan: The subscribers.
        numbers: Of processes.
    """
    ledger = open_ledger(site.url)
    record_day(ledger, fill_ledger(ledger, plan))
    ledger.close()
    run_crew(site, "match", DIGEST_TIME, 1, server)
    first: dict[str, CrewResult] = {}
    for number in numbers:
        with create_database(server.url, site.url.rpartition("/")[2]) as url:
            folder = Path(mkdtemp(dir=site.folder))
            copy = msgspec.structs.replace(site, url=url, folder=folder)
            seconds = 0.0
            for task, what in _COUNTED.items():
                result = run_crew(copy, task, DIGEST_TIME, number, server)
                print(_describe(task, what, number, result, first.setdefault(task, result)))
                seconds += result.seconds
            before = sum(one.seconds for one in first.values())
            speed = before / seconds
            print(f"  both     with {number}: {seconds:.1f} s, {speed:.2f} times as fast as first")


def _describe(task: str, what: str, number: int, result: CrewResult, first: CrewResult) -> str:
    count = result.count(what)
    if not count:
        raise RuntimeError(f"{task}: nothing was done")
    milliseconds = 1e3 / count
    return (
        f"  {task:8} with {number}: {count:,} in {result.seconds:6.1f} s, "
        f"{count / result.seconds:5.0f} a second, {first.seconds / result.seconds:.2f} times as "
        f"fast as first; processor {result.worker_seconds * milliseconds:.2f} ms each, database "
        f" {result.server_seconds * milliseconds:.2f}; peak {result.peak_megabytes} MB; "
        f"{result.load}"
    )
