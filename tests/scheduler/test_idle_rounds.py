"""What a round with nothing to do asks, it asks beside whoever writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import alarms, clock_readings, crawl_runs
from alerts.ledger.crawl_runs import CrawlResult
from alerts.limits import Limit
from scheduler.clock_check import check_clock
from scheduler.config import parse_config
from scheduler.jobs import run_pipeline
from scheduler.service import Service, open_service
from scheduler.tasks import AlarmUpdate

CONFIG = '[sources.london]\nurl = "http://127.0.0.1:1"\n[operator]\nemail = "op@demo.example"\n'


class Idle:
    """A service at work that has nothing to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A round at a full quarter of an hour has digests to look for.
        self.now = datetime.now(UTC).replace(minute=7, second=0)
        opened = open_service(parse_config(CONFIG, folder, "config.toml"))
        self.service: Service = replace(opened, clock=lambda: self.now)
        with self.service.ledger.writing() as connection:
            run = crawl_runs.start_run(connection, "london", self.now)
            whole = CrawlResult("ok", "1 question read", "null", is_complete=True)
            crawl_runs.finish_run(connection, run, whole, self.now)
        assert self.service.create_limiter().count(Limit.CONFIRMATIONS) is None
        run_pipeline(self.service)
        self.now += timedelta(seconds=30)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the locks of the ledger and of the limits, as whoever writes does."""
        with ExitStack() as stack:
            for ending in ("", ".limits"):
                file = self.folder / "var" / f"ledger.sqlite3{ending}"
                other = stack.enter_context(closing(sqlite3.connect(file)))
                other.execute("BEGIN IMMEDIATE")
            yield


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Idle]:
    made = Idle(tmp_path)
    yield made
    made.service.memory.close()
    made.service.ledger.close()


@pytest.mark.slow
def test_alarms_and_clock_are_looked_at_without_a_lock(idle: Idle) -> None:
    with idle.locked():
        check_clock(idle.service)
        assert not AlarmUpdate(idle.service).is_needed()


@pytest.mark.slow
def test_a_whole_round_with_nothing_to_do_waits_for_no_writer(idle: Idle) -> None:
    run_pipeline(idle.service)  # what is left of the first round
    idle.now += timedelta(seconds=20)
    with idle.locked():
        done = run_pipeline(idle.service)
    assert done.failures == ()
    assert (done.matches, done.feeds, done.digests, done.deliveries) == (0, 0, 0, {})


@pytest.mark.slow
def test_feeds_whose_files_are_gone_are_written_in_the_next_round(idle: Idle) -> None:
    folder = idle.folder / "var" / "feeds"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "everything.atom.xml" in before
    for path in folder.iterdir():
        path.unlink()
    assert run_pipeline(idle.service).feeds == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
def test_what_only_time_changes_is_still_seen(idle: Idle) -> None:
    idle.now += timedelta(hours=40)
    with idle.service.ledger.writing() as connection:
        run = crawl_runs.start_run(connection, "london", idle.now)
        lost = CrawlResult("unreachable", "no answer", "null", is_complete=False)
        crawl_runs.finish_run(connection, run, lost, idle.now)
    update = AlarmUpdate(idle.service)
    assert update.is_needed()
    update.run()
    assert not AlarmUpdate(idle.service).is_needed()
    with idle.service.ledger.reading() as connection:
        assert "unavailable" in {one.kind for one in alarms.list_open(connection)}


@pytest.mark.slow
def test_a_clock_that_went_back_is_noted_at_once(idle: Idle) -> None:
    idle.now += timedelta(minutes=1)
    check_clock(idle.service)
    idle.now -= timedelta(hours=3)
    check_clock(idle.service)
    with idle.service.ledger.reading() as connection:
        assert clock_readings.list_all(connection)[-1].set_back_at == idle.now
