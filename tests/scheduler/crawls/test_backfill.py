"""A backfill: month by month, resumable, without alerts, with an estimate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.recording.visits import split_into_windows
from crawler.plan import ListingWindow
from scheduler.config import load_config
from scheduler.crawls import BackfillProgress, backfill_source
from scheduler.crawls.backfill import (
    build_month_window,
    estimate_time_left,
    iterate_months_backwards,
)
from scheduler.service import open_service
from tests.support.service import ServiceFolder, build_config, run_replica

pytestmark = pytest.mark.process

MONTHS = st.dates(date(2000, 1, 1), date(2030, 12, 31)).map(lambda day: day.replace(day=1))


@given(MONTHS, MONTHS)
def test_every_month_is_read_once_newest_first(first: date, since: date) -> None:
    found = list(iterate_months_backwards(first, since))
    assert found == sorted(set(found), reverse=True)
    assert (found == []) == (first < since)
    if found:
        assert (found[0], found[-1]) == (first, since)


@given(MONTHS)
def test_windows_of_neighbours_overlap(begins: date) -> None:
    older = build_month_window((begins - timedelta(days=1)).replace(day=1))
    window = build_month_window(begins)
    assert window.since < older.until
    assert window.since <= begins < window.until


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 400))
def test_a_crawls_windows_leave_no_day_out(since: date, days: int) -> None:
    until = since + timedelta(days=days)
    found = split_into_windows(since, until)
    assert (found[-1].since, found[0].until) == (since, until)
    for newer, older in pairwise(found):
        assert older.since < newer.since < older.until


@pytest.mark.parametrize(
    ("pace", "left", "says"),
    [
        ([], 5, "no estimate yet"),
        ([60], 5, "no estimate yet"),
        ([60, 60], 5, "5 min left, going by the last 2 months read"),
        ([600, 1200], 12, "2.0 h to 4.0 h left, going by the last 2 months read"),
        ([1] + [3600] * 6, 2, "2.0 h left, going by the last 6 months read"),
        ([60, 60], 0, "done"),
    ],
)
def test_the_estimate_uses_the_months_read(pace: list[float], left: int, says: str) -> None:
    assert estimate_time_left(pace, left) == says


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    with run_replica() as source:
        service = ServiceFolder(tmp_path, build_config(source.url))
        service.run("once", "--no-crawl")
        since = (source.now - timedelta(days=100)).strftime("%Y-%m")
        first = service.run_json("backfill", "--since", since, "--months", "2", "--json")
        assert (first["done"], first["problem"]) == (2, None)
        _ = source.requests
        rest = service.run_json("backfill", "--since", since, "--json")
        assert rest["done"] == rest["total"] >= 4
        fetched = [r for r in source.requests if "/find-an-answer/" in r]
        assert len(fetched) == len(set(fetched))
        service.run_json("backfill", "--since", since, "--json")
        assert source.requests == []
        assert service.emails == []  # of the past nobody is told
        assert service.run("backfill", "atlantis", expect=65).stderr


def test_a_source_that_is_down_stops_it_and_loses_nothing(tmp_path: Path) -> None:
    now = datetime(2026, 7, 16, tzinfo=UTC)
    ServiceFolder(tmp_path, build_config("http://127.0.0.1:1"))
    service = open_service(load_config(tmp_path / "config.toml"), lambda: now)
    seen: list[BackfillProgress] = []
    end = backfill_source(service, "london", date(2026, 1, 1), None, seen.append)
    assert (end.done, end.total) == (0, 7)
    assert end.problem
    assert end.problem.startswith("2026-07: unreachable")
    assert seen[0].description == "london 2026-07: 0 questions; no estimate yet"
    service.ledger.engine.dispose()


def test_a_month_and_its_neighbours() -> None:
    assert build_month_window(date(2024, 2, 1)) == ListingWindow(
        date(2024, 1, 29), date(2024, 3, 3)
    )
