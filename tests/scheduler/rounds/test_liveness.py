"""Jobs with nothing to do only read; that they looked is written once a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from alerts.ledger import Ledger, LedgerUnavailable, alarms, clock_readings, jobs, open_ledger
from alerts.ledger.clock_readings import ClockReading
from scheduler.rounds import HourlyWork, JobNotes, RoundMemory

SECOND = timedelta(seconds=1)
CHANGES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Rounds:
    """Rounds of one process on a ledger, half a minute apart, and the changes that they make."""

    ledger: Ledger
    now: datetime
    memory: RoundMemory = field(default_factory=RoundMemory)
    changes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        event.listen(self.ledger.engine, "before_cursor_execute", self._listen)

    def _listen(self, _c: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith(CHANGES):
            self.changes.append(statement)

    def run(self, work: Callable[[], object] | None = None) -> None:
        """Run a round whose step ``match`` does some work, or finds nothing to do."""
        notes = self.note()
        self.changes.clear()

        def match() -> None:
            done = work or (lambda: None)
            notes.run("match", done, None, is_due=lambda: work is not None)

        notes.run_around("round", match, None)
        notes.write_liveness("round")
        self.now += 30 * SECOND

    def note(self) -> JobNotes:
        return JobNotes(self.ledger, lambda: self.now, liveness=self.memory.liveness)

    def read(self) -> dict[str, jobs.JobRecord]:
        with self.ledger.reading() as connection:
            return {job.name: job for job in jobs.list_all(connection)}


@pytest.fixture
def rounds(ledger: Ledger, now: datetime) -> Rounds:
    made = Rounds(ledger, now)
    made.run()
    return made


def test_an_idle_round_is_written_once_a_minute(rounds: Rounds, now: datetime) -> None:
    assert {name: job.good_at for name, job in rounds.read().items()} == {
        "round": now,
        "match": now,
    }
    rounds.run()
    assert rounds.changes == []
    rounds.run()
    assert rounds.changes
    assert {job.good_at for job in rounds.read().values()} == {now + 60 * SECOND}


def test_a_step_with_work_is_seen_while_it_works(rounds: Rounds) -> None:
    seen: list[jobs.JobRecord] = []
    began = rounds.now
    rounds.run(lambda: seen.extend(rounds.read().values()))
    assert [(one.name, one.begun_at, one.running) for one in seen] == [
        ("match", began, 1),
        ("round", began, 1),
    ]
    assert all(one.is_settled for one in rounds.read().values())


def test_an_idle_round_ends_what_a_killed_one_had_begun(rounds: Rounds) -> None:
    with rounds.ledger.writing() as connection:  # as a process leaves it
        jobs.begin(connection, "match", rounds.now)
        alarms.update_open(connection, None, {"job match": "why"}, (), rounds.now)
    rounds.run()
    assert rounds.read()["match"].is_settled
    with rounds.ledger.reading() as connection:
        assert not alarms.list_open(connection)


def test_a_failure_that_could_not_be_written_is_noted_by_an_idle_round(rounds: Rounds) -> None:
    def lose() -> None:
        raise LedgerUnavailable("the server is gone")

    notes = rounds.note()
    with pytest.raises(LedgerUnavailable):
        notes.run("match", lose, None)
    rounds.changes.clear()
    notes.run("match", lambda: None, None, is_due=lambda: False)
    assert any("job.failures_in_a_row +" in statement for statement in rounds.changes)
    assert rounds.read()["match"].is_settled


def test_a_look_that_fails_is_a_failure_of_its_job(rounds: Rounds) -> None:
    def look() -> bool:
        raise ZeroDivisionError

    notes = rounds.note()
    for _ in range(2):
        assert notes.run("match", lambda: "done", "not done", is_due=look) == "not done"
    assert rounds.read()["match"].failures_in_a_row == 2
    with rounds.ledger.reading() as connection:
        assert [one.kind for one in alarms.list_open(connection)] == ["job match"]
    rounds.run()
    assert rounds.read()["match"].is_settled


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_a_clock_that_another_process_found_set_back_stays_so(
    ledger: Ledger, ledger_url: str, now: datetime
) -> None:
    other = open_ledger(ledger_url)
    with ledger.writing() as connection:
        clock_readings.record(connection, ClockReading(now))

    def set_back(_1: object, _2: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE clock_reading"):
            with other.writing() as connection:
                clock_readings.record(connection, ClockReading(now - timedelta(hours=1)))

    event.listen(ledger.engine, "before_cursor_execute", set_back)
    with ledger.writing_shard() as connection:
        clock_readings.advance(connection, ClockReading(now + 30 * SECOND))
    other.close()
    with ledger.reading() as connection:
        newest = clock_readings.list_all(connection)[-1]
    assert newest.moment == newest.set_back_at == now - timedelta(hours=1)


def test_what_the_clock_shows_is_written_with_it(rounds: Rounds) -> None:
    with rounds.ledger.writing() as connection:
        clock_readings.record(connection, ClockReading(rounds.now))
    last = rounds.now + 90 * SECOND
    for _ in range(4):
        rounds.memory.liveness.note_clock(ClockReading(rounds.now))
        rounds.run()
    with rounds.ledger.reading() as connection:
        assert [one.moment for one in clock_readings.list_all(connection)] == [last]


def test_a_clock_that_another_process_doubts_is_not_written(rounds: Rounds) -> None:
    with rounds.ledger.writing() as connection:
        clock_readings.record(connection, ClockReading(rounds.now))
        clock_readings.mark_doubted(connection)
    before = rounds.now
    rounds.memory.liveness.note_clock(ClockReading(before + 30 * SECOND))
    rounds.run()
    rounds.run()
    with rounds.ledger.reading() as connection:
        [reading] = clock_readings.list_all(connection)
    assert (reading.moment, reading.is_doubted) == (before, True)


def test_workers_do_not_end_what_others_have_begun(rounds: Rounds) -> None:
    with rounds.ledger.writing() as connection:
        jobs.begin(connection, "match", rounds.now, is_alone=False)
    memory = RoundMemory()
    notes = JobNotes(rounds.ledger, lambda: rounds.now, liveness=memory.liveness, is_alone=False)
    notes.run("match", lambda: None, None, is_due=lambda: False)
    notes.write_liveness("match")
    assert rounds.read()["match"].running == 1
    notes.run("match", lambda: None, None, shard="topics 1")
    assert rounds.read()["match"].running == 1


@pytest.mark.parametrize(
    ("passed", "key", "due_in", "is_due"),
    [
        (0, "a", None, False),
        (3599, "a", None, False),
        (3600, "a", None, True),
        (-1, "a", None, True),
        (0, "b", None, True),
        (59, "a", 60, False),
        (60, "a", 60, True),
        (3600, "a", 9000, True),
    ],
)
def test_hourly_work(
    now: datetime, passed: int, key: str, due_in: int | None, is_due: bool
) -> None:
    work = HourlyWork()
    assert work.is_due("gaps", now, "a")
    work.mark_done("gaps", now, "a", now + due_in * SECOND if due_in else None)
    assert work.is_due("gaps", now + passed * SECOND, key) is is_due
    assert work.is_due("delete", now)
