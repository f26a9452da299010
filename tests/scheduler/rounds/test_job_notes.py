"""Rounds and their steps are noted as begun and ended; one that fails again and again is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alerts.ledger import alarms, jobs, open_ledger
from tests.support.service import ServiceFolder

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
STEPS = {"round", "alarms", "match", "publish", "compose", "deliver", "ping", "words", "delete"}
STEPS |= {"prune"}  # once a day


def read_jobs(folder: Path) -> tuple[dict[str, jobs.JobRecord], dict[str, str]]:
    """Return the job rows by name, and the open alarms about the service, as kind → reason."""
    ledger = open_ledger(f"sqlite:///{folder / 'var' / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        known = {job.name: job for job in jobs.list_all(connection)}
        raised = {one.kind: one.reason for one in alarms.list_open(connection)}
    ledger.engine.dispose()
    return known, raised


@pytest.mark.slow
def test_a_round_notes_each_of_its_steps(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("once")
    known, raised = read_jobs(tmp_path)
    assert known.keys() == STEPS
    assert all(job.good_at and job.failures_in_a_row == 0 for job in known.values())
    assert not any(job.is_running for job in known.values())
    assert raised == {}


@pytest.mark.slow
def test_a_step_that_fails_twice_raises_an_alarm_and_stops_no_other(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("once")
    feeds = tmp_path / "var" / "feeds"
    feeds.rename(tmp_path / "aside")
    feeds.write_text("a file where the folder was")
    service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
    for _ in range(2):
        done = service.run("once", expect=1)
        assert "a job failed: job=publish reason=" in done.stderr
        assert "Traceback" not in done.stderr
    known, raised = read_jobs(tmp_path)
    assert known["publish"].failures_in_a_row == 2
    assert known["deliver"].failures_in_a_row == 0
    assert "the last 2 runs failed" in raised["job publish"]
    feeds.unlink()
    (tmp_path / "aside").rename(feeds)
    service.run("once")
    service.run("once")  # the alarms are looked at when a round begins
    known, raised = read_jobs(tmp_path)
    assert known["publish"].failures_in_a_row == 0
    assert known["publish"].reason is None
    assert raised == {}


@pytest.mark.slow
def test_a_ledger_that_stays_locked_is_one_line_and_75(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, QUIET)
    service.run("once")
    with closing(sqlite3.connect(tmp_path / "var" / "ledger.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        done = service.run("once", expect=75)
    [line] = done.stderr.splitlines()
    assert "cannot be used: database is locked" in line
    service.run("once")
