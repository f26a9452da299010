"""What a round costs that has nothing to do, beside a million subscriptions.

Rounds are run as the daemon runs them, on SQLite and on a PostgreSQL server of its own: processor
time of this process by step, that of the server's processes, statements, and transactions that
took a lock for writing. The first rounds of a process load the topics and are not counted.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from alerts.ledger import open_ledger
from benchmarks.processor_time import read_server_seconds
from benchmarks.sample_crowd import CrowdSize, fill_ledger
from scheduler.config import parse_config
from scheduler.jobs import prepare_messages, run_delivery
from scheduler.service import Service, lock_ledger, open_service
from tests.support.postgres import RunningCluster, find_server_programs, run_cluster

#: Two hours of rounds at half a minute, by a clock that is moved on.
_ROUNDS = 240
_PERIOD = timedelta(seconds=30)
_WARM_UP = 3
#: What the first statement of a transaction that writes looks like: on SQLite, and on PostgreSQL
#: with the ledger's lock and without it.
_LOCKS = {
    "BEGIN IMMEDIATE": "write lock",
    "pg_advisory_xact_lock": "write lock",
    "BEGIN; ": "writes own rows",
}
_OUTSIDE = "between"
_CONFIG = """
[ledger]
url = "{url}"
[sources.london]
url = "http://127.0.0.1:1"
[operator]
email = "op@demo.example"
"""


@dataclass
class Meter:
    """Adds up what the steps of rounds cost."""

    step: str = _OUTSIDE
    at: float = 0.0
    seconds: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    locks: Counter[str] = field(default_factory=Counter)

    def enter(self, step: str) -> None:
        """Count what comes for a step."""
        now = time.process_time()
        self.seconds[self.step] += now - self.at  # type: ignore[assignment]  # seconds are added up
        self.step, self.at = step, now

    def note_statement(self, text: str) -> None:
        """Count a statement, and the transaction that it begins."""
        self.statements[self.step] += 1
        kind = next((kind for sign, kind in _LOCKS.items() if sign in text), None)
        if kind is not None:
            self.locks[f"{self.step}: {kind}"] += 1


class StepHandler(logging.Handler):
    """Hears from the log which step begins."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(logging.DEBUG)
        self._meter = meter

    def emit(self, record: logging.LogRecord) -> None:
        """Enter the step that the record names."""
        if getattr(record, "event", "") == "a job starts":
            self._meter.enter(str(getattr(record, "fields", {})["job"]))


def main() -> None:
    """Print it for both databases.

    Arguments are the number of rounds, and by how much to make the ledger smaller.
    """
    rounds, part = (*map(int, sys.argv[1:]), *(_ROUNDS, 1)[len(sys.argv) - 1 :])
    measure_idle(rounds, part)


def measure_idle(rounds: int, part: int) -> None:
    """Print it for both databases.

    Args:
        rounds: How many.
        part: By how much the ledger is smaller than one of a million subscriptions.
    """
    size = _make_smaller(CrowdSize(), part)
    with tempfile.TemporaryDirectory() as folder:
        _measure(f"sqlite:///{folder}/ledger.sqlite3", Path(folder), size, rounds)
    programs = find_server_programs()
    if programs is None:
        print("PostgreSQL is not installed")
        return
    with run_cluster(programs) as server, tempfile.TemporaryDirectory() as folder:
        _measure(f"{server.url}/postgres", Path(folder), size, rounds, server)


def _make_smaller(size: CrowdSize, part: int) -> CrowdSize:
    """Return a crowd of a part of the subscribers."""
    return CrowdSize(
        subscribers=size.subscribers // part,
        subscriptions=size.subscriptions // part,
        topics=size.topics // part,
        messages=size.messages // part,
        public_topics=min(size.public_topics, size.topics // part),
    )


def _measure(
    url: str, folder: Path, size: CrowdSize, rounds: int, server: RunningCluster | None = None
) -> None:
    kind = url.partition(":")[0]
    began, start = time.monotonic(), datetime.now(UTC)
    ledger = open_ledger(url)
    fill_ledger(ledger, size, start)
    ledger.close()
    print(
        f"{kind}: {size.subscriptions:,} subscriptions of {size.subscribers:,} subscribers over "
        f"{size.topics:,} topics, made in {time.monotonic() - began:.0f} s"
    )
    moment = [start]
    opened = open_service(parse_config(_CONFIG.format(url=url), folder, "config.toml"))
    with lock_ledger(replace(opened, clock=lambda: moment[0])) as service:
        for _ in range(_WARM_UP):
            _run_round(service)
        moment[0] += _PERIOD
        with _metering() as meter:
            used, cost = read_server_seconds(server) if server else 0.0, []
            for _ in range(rounds):
                before = time.process_time()
                _run_round(service)
                cost.append((time.process_time() - before) * 1e3)
                moment[0] += _PERIOD
            meter.enter(_OUTSIDE)
            used = read_server_seconds(server) - used if server else 0.0
    _report(meter, cost, used if server else None)


def _run_round(service: Service) -> None:
    prepare_messages(service)
    run_delivery(service)


@contextmanager
def _metering() -> Iterator[Meter]:
    meter = Meter(at=time.process_time())

    def listen(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        meter.note_statement(statement)

    log, handler = logging.getLogger("watchword.jobs"), StepHandler(meter)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield meter
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
        log.removeHandler(handler)
        log.setLevel(level)


def _report(meter: Meter, cost: list[float], server_seconds: float | None) -> None:
    print(
        f"  a round: {statistics.mean(cost):.1f} ms of processor, median "
        f"{statistics.median(cost):.1f}, at most {max(cost):.1f}; of {len(cost)} rounds"
    )
    if server_seconds is not None:
        print(f"  the server: {server_seconds / len(cost) * 1e3:.1f} ms a round")
    for step, seconds in meter.seconds.most_common():
        number = meter.statements[step] / len(cost)
        print(f"    {step:10} {seconds / len(cost) * 1e3:8.2f} ms  {number:5.1f} statements")
    locks = ", ".join(f"{what} {n / len(cost):.2f}" for what, n in meter.locks.most_common())
    print(f"  transactions that write, a round: {locks or 'none'}")
    print(f"  statements a round: {meter.statements.total() / len(cost):.1f}")


if __name__ == "__main__":
    main()
