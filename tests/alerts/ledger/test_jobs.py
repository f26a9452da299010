"""What is noted of jobs, whoever runs them: one at a time, or many workers at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from alerts.ledger import Ledger, alarms, jobs
from alerts.operator import update_job_alarms

MINUTE = timedelta(minutes=1)


def test_a_job_whose_process_died_has_failed(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        for minute in range(3):
            jobs.begin(connection, "match", now + minute * MINUTE)
        [job] = jobs.list_all(connection)
        assert job.is_running
        assert (job.failures_in_a_row, job.reason) == (2, "its process ended before it did")
        jobs.end_well(connection, "match", now + 3 * MINUTE)
        [job] = jobs.list_all(connection)
        assert not job.is_running
        assert (job.failures_in_a_row, job.reason) == (0, None)


def test_workers_that_run_a_job_at_once_are_no_failure_of_each_other(
    ledger: Ledger, now: datetime
) -> None:
    with ledger.writing() as connection:
        for _ in range(3):
            jobs.begin(connection, "match", now, is_alone=False)
        jobs.end_well(connection, "match", now + MINUTE, "topics 1")
        [job] = jobs.list_all(connection)
        assert (job.running, job.failures_in_a_row) == (2, 0)
        jobs.note_death(connection, "match", now + MINUTE, "topics 2")
        jobs.end_well(connection, "match", now + MINUTE, "topics 3")
        [job] = jobs.list_all(connection)
        assert (job.is_running, job.failures_in_a_row) == (False, 1)
        assert job.reason == "topics 2: its process ended before it did"


def test_a_shard_that_always_fails_is_not_hidden_by_the_others(
    ledger: Ledger, now: datetime
) -> None:
    def run(shard: str, reason: str | None) -> None:
        jobs.begin(connection, "match", now, is_alone=False)
        if reason:
            jobs.fail(connection, "match", reason, now, now, shard=shard)
        else:
            jobs.end_well(connection, "match", now, shard)

    with ledger.writing() as connection:
        for _ in range(2):
            run("topics 1", "no room for ada@demo.example")
            run("topics 2", None)
        update_job_alarms(connection, now)
        [alarm] = alarms.list_open(connection)
        assert alarm.kind == "job match"
        assert "the last 2 runs failed" in alarm.reason
        assert "topics 1: no room for" in alarm.reason
        assert "ada@" not in alarm.reason
        run("topics 1", None)
        update_job_alarms(connection, now)
        [job] = jobs.list_all(connection)
        assert (job.failures_in_a_row, job.reason, job.running) == (0, None, 0)
        assert not alarms.list_open(connection)


def test_a_job_that_finds_nothing_to_do_has_ended_well(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        jobs.fail(connection, "match", "why", now, now, shard="topics 1", was_noted=False)
        jobs.begin(connection, "match", now)
        jobs.note_idle(connection, {"match": now + MINUTE, "words": now}, is_alone=False)
        match, words = jobs.list_all(connection)
        assert (match.good_at, match.failures_in_a_row, match.running) == (now + MINUTE, 0, 1)
        assert (words.good_at, words.is_settled) == (now, True)
        jobs.note_idle(connection, {"match": now + MINUTE})
        assert jobs.list_all(connection)[0].is_settled


@pytest.mark.parametrize("is_alone", [True, False])
def test_who_looked_before_a_job_began_or_failed_changes_nothing(
    ledger: Ledger, now: datetime, *, is_alone: bool
) -> None:
    with ledger.writing() as connection:
        jobs.begin(connection, "deliver", now + MINUTE)
        jobs.fail(connection, "match", "why", now, now + MINUTE, shard="topics 1")
        before = jobs.list_all(connection)
        seconds = now + timedelta(seconds=30)
        jobs.note_idle(connection, {"match": seconds, "deliver": seconds}, is_alone=is_alone)
        assert jobs.list_all(connection) == before
        later = now + 2 * MINUTE
        jobs.note_idle(connection, {"match": later, "deliver": later})
        assert all(job.is_settled for job in jobs.list_all(connection))


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_two_that_note_the_same_jobs_wait_for_one_another_in_turn(
    ledger: Ledger, now: datetime
) -> None:
    """Without an order of the rows, the server would end one of the two."""
    names = ["round", "match"]
    with ledger.writing() as connection:
        jobs.note_idle(connection, dict.fromkeys(names, now))
    meeting = threading.Barrier(2)

    def note(ends: dict[str, datetime]) -> None:
        for minute in range(20):
            meeting.wait(10)
            with ledger.writing_shard() as connection:
                moments = {name: moment + minute * MINUTE for name, moment in ends.items()}
                jobs.note_idle(connection, moments, is_alone=False)

    with ThreadPoolExecutor(2) as pool:
        orders = (names, names[::-1])
        done = [pool.submit(note, dict.fromkeys(order, now)) for order in orders]
    assert [one.result() for one in done] == [None, None]
