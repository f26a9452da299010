"""A day of many subscribers from the crawl to the mail server: time, memory, growth by step."""

from __future__ import annotations

import time

from sqlalchemy import text

from alerts.ledger import Ledger, open_ledger
from benchmarks.scale.crew import Site, run_crew
from benchmarks.scale.crowd import DIGEST_TIME, CrowdPlan, fill_ledger, record_day
from scheduler.tasks import TASKS
from tests.support.postgres import RunningCluster

#: The tasks of a day in their order, and how many processes do each at most: 60 questions are one
#: feed and one piece of words.
_STEPS = {"match": 2, "publish": 1, "words": 1, "compose": 2, "deliver": 2}


def measure_day(server: RunningCluster, site: Site, plan: CrowdPlan) -> None:
    """Print a line for each step.

    Args:
        server: The server.
        site: With the address of an empty database.
        plan: The subscribers and the questions of the day.
    """
    ledger = open_ledger(site.url)
    began = time.perf_counter()
    crowd = fill_ledger(ledger, plan)
    size = _measure_database(ledger)
    print(
        f"  {plan.subscribers:,} subscribers with {crowd.topics:,} topics, made in "
        f"{time.perf_counter() - began:.0f} s: {size:,.0f} MB",
        flush=True,
    )
    record_day(ledger, crowd)
    for task, most in _STEPS.items():
        result = run_crew(site, TASKS[task].name, DIGEST_TIME, most, server)
        before, size = size, _measure_database(ledger)
        done = ", ".join(
            f"{sum(one.done.get(what, 0) for one in result.members):,} {what}"
            for what in sorted({name for one in result.members for name in one.done})
        )
        print(
            f"  {task:8} {result.seconds:7.1f} s by the clock with {most}; processor "
            f"{result.worker_seconds:.1f} s, database {result.server_seconds:.1f} s; peak "
            f"{result.peak_megabytes} MB a process; database {size - before:+,.0f} MB; "
            f"{done or 'nothing'}; {result.load}",
            flush=True,
        )
    ledger.close()


def _measure_database(ledger: Ledger) -> float:
    """Return the size of the database, in megabytes."""
    with ledger.reading() as connection:
        found = connection.execute(text("select pg_database_size(current_database())"))
        return float(found.scalar_one()) / 1e6
