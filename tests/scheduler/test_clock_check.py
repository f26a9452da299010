"""A clock that is far ahead is believed only if something bears it out, and it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import alarms, clock_readings, crawl_runs
from alerts.ledger.crawl_runs import CrawlResult
from scheduler.clock import ClockDoubted
from scheduler.clock_check import accept_clock
from scheduler.clock_witness import ClockWitness
from scheduler.config import parse_config
from scheduler.jobs import prepare_messages, run_delivery, run_pipeline
from scheduler.service import Service, open_service
from tests.support.service import read_emails, run_replica

CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[operator]
email = "op@demo.example"
"""
DAY = timedelta(days=1)


class Machine:
    """A machine whose clock can be set, with the uptime that its kernel says."""

    def __init__(self, folder: Path, urls: tuple[str, ...] = ()) -> None:
        self.real_now = datetime.now(UTC)
        self.offset = timedelta()
        self.folder = folder
        self._start = self.real_now
        self.boot(1)
        witness = ClockWitness(
            dict.fromkeys(urls, "test"), boot_id=folder / "boot", uptime=folder / "uptime"
        )
        opened = open_service(parse_config(CONFIG, folder, "config.toml"))
        self.service: Service = replace(
            opened, clock=lambda: self.real_now + self.offset, clock_witness=witness
        )

    def boot(self, number: int) -> None:
        """Start the machine again."""
        (self.folder / "boot").write_text(f"boot-{number}\n")
        self._start = self.real_now

    def round(
        self,
        after: timedelta,
        offset: timedelta = timedelta(),
        job: Callable[[Service], object] = run_pipeline,
    ) -> None:
        self.real_now += after
        self.offset = offset
        uptime = (self.real_now - self._start).total_seconds()
        (self.folder / "uptime").write_text(f"{uptime} 0.0\n")
        job(self.service)

    @property
    def alarm(self) -> str | None:
        """Why the alarm about the clock is open; None if it is not."""
        with self.service.ledger.reading() as connection:
            open_alarms = {one.kind: one.reason for one in alarms.list_open(connection)}
        return open_alarms.get("clock")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.round(timedelta())
    return made


@pytest.mark.slow
@pytest.mark.parametrize("days", [2, 400, 3650])
def test_a_clock_that_is_ahead_is_refused_in_one_line(machine: Machine, days: int) -> None:
    with pytest.raises(ClockDoubted, match=f"{days} days after the last round") as refused:
        machine.round(timedelta(minutes=1), days * DAY)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_status == 75
    assert machine.alarm is not None
    [email] = read_emails(machine.folder / "var" / "mail")
    assert email["To"] == "op@demo.example"
    machine.round(timedelta(minutes=1))
    assert machine.alarm is None


@pytest.mark.slow
def test_the_rounds_of_the_daemon_refuse_it_too(machine: Machine) -> None:
    """It prepares and delivers in two jobs; the one that delivers tells the operator."""
    with pytest.raises(ClockDoubted):
        machine.round(timedelta(minutes=1), 400 * DAY, prepare_messages)
    assert machine.alarm is not None
    with pytest.raises(ClockDoubted):
        machine.round(timedelta(minutes=1), 400 * DAY, run_delivery)
    [email] = read_emails(machine.folder / "var" / "mail")
    assert email["To"] == "op@demo.example"
    machine.round(timedelta(minutes=1), job=prepare_messages)
    assert machine.alarm is None


@pytest.mark.slow
def test_a_service_that_was_off_is_borne_out_by_the_uptime(machine: Machine) -> None:
    machine.round(30 * DAY)
    assert machine.alarm is None


@pytest.mark.slow
def test_a_machine_that_was_off_is_borne_out_by_a_server(tmp_path: Path) -> None:
    with run_replica() as source:
        machine = Machine(tmp_path, (f"{source.url}/robots.txt",))
        machine.real_now -= 30 * DAY
        machine.round(timedelta())
        machine.boot(2)
        machine.round(30 * DAY)
    assert machine.alarm is None


@pytest.mark.slow
def test_a_server_that_says_another_time_does_not_bear_it_out(tmp_path: Path) -> None:
    with run_replica() as source:
        machine = Machine(tmp_path, (f"{source.url}/robots.txt",))
        machine.round(timedelta())
        machine.boot(2)
        with pytest.raises(ClockDoubted):
            machine.round(timedelta(minutes=1), 400 * DAY)


@pytest.mark.slow
def test_the_operator_can_accept_the_clock(machine: Machine) -> None:
    machine.boot(2)
    with pytest.raises(ClockDoubted):
        machine.round(30 * DAY)
    accept_clock(machine.service)
    machine.round(timedelta(minutes=1))
    assert machine.alarm is None


@pytest.mark.slow
def test_a_clock_that_went_back_is_said_for_a_day(machine: Machine) -> None:
    machine.offset = 400 * DAY
    accept_clock(machine.service)
    machine.round(timedelta(minutes=1))
    assert machine.alarm is not None
    assert "the clock went back" in machine.alarm
    machine.round(timedelta(hours=20))
    assert machine.alarm is not None
    machine.round(timedelta(hours=20))
    assert machine.alarm is None


@pytest.mark.slow
def test_the_silence_of_a_source_is_seen_after_a_crawl_in_the_future(machine: Machine) -> None:
    ledger, now = machine.service.ledger, machine.service.clock()
    with ledger.writing() as connection:
        run = crawl_runs.start_run(connection, "london", now + 3650 * DAY)
        whole = CrawlResult("ok", "1 question read", "null", is_complete=True)
        crawl_runs.finish_run(connection, run, whole, now + 3650 * DAY)
        clock_readings.mark_doubted(connection)
    machine.round(timedelta(minutes=1))
    with ledger.reading() as connection:
        last = crawl_runs.get_last_complete_finish(connection, "london")
    assert last is not None
    assert last <= machine.service.clock()
