"""A source that shows less than it did is doubted: real crawls of a replica with faults."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from alerts.ledger import open_ledger
from alerts.recording.listings import WindowCoverage, explain_coverage
from crawler.plan import ListingWindow
from tests.support.doubted_source import DoubtedSource, doubt_source
from tests.support.empty_ledger import open_empty_ledger
from tests.support.service import RunningReplica, run_replica

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture
def new_source(replica: RunningReplica, tmp_path: Path) -> Iterator[DoubtedSource]:
    """A source that was never read."""
    with doubt_source(replica, open_empty_ledger(tmp_path / "ledger.sqlite3")) as made:
        yield made


@pytest.fixture(scope="module")
def ledger_of_first_crawl(
    replica: RunningReplica, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The file of a ledger that has read the source once, of which tests take copies."""
    path = tmp_path_factory.mktemp("read") / "ledger.sqlite3"
    with doubt_source(replica, open_empty_ledger(path)) as made:
        made.crawl()
    return path


@pytest.fixture
def source(
    replica: RunningReplica, ledger_of_first_crawl: Path, tmp_path: Path
) -> Iterator[DoubtedSource]:
    """A source after its first crawl."""
    copy = tmp_path / "ledger.sqlite3"
    shutil.copyfile(ledger_of_first_crawl, copy)
    with doubt_source(replica, open_ledger(f"sqlite:///{copy}")) as made:
        yield made


# ------------------------------------------------------------------ listings


@pytest.mark.parametrize("fault", ["blank_listing", "maintenance"])
def test_a_listing_that_names_nothing_known_is_doubted(source: DoubtedSource, fault: str) -> None:
    source.show(**{fault: True})
    outcome = source.crawl(3)
    assert (outcome.verdict, outcome.is_complete) == ("changed", False)
    assert "changed" in source.alarms
    assert source.hours_since_good_crawl == 0
    source.show()
    assert source.crawl(4).verdict == "ok"
    assert source.alarms == {}


def test_what_a_doubtful_crawl_read_is_told_once_a_good_one_reads_the_same(
    source: DoubtedSource,
) -> None:
    source.crawl()
    source.replica.go_to_stage(2)
    source.show(blank_listing=True)
    assert source.crawl().verdict == "changed"
    held = source.held
    assert held["answered"] > 0
    assert source.crawl(1).verdict == "changed"
    assert (source.told, source.held) == ({}, held)
    source.show()
    assert source.crawl(2).verdict == "ok"
    assert (source.told["answered"] >= held["answered"], source.held) == (True, {})
    assert source.alarms == {}
    told = source.told
    source.crawl(3)
    assert source.told == told


def test_pages_and_listing_gone_together_withdraw_nothing(source: DoubtedSource) -> None:
    source.show(blank_listing=True, missing_share=1)
    for days in (1, 2, 3, 9):
        assert source.crawl(days * 24).verdict == "changed"
    assert source.told == {}


def test_a_first_crawl_of_an_empty_listing_is_no_baseline(new_source: DoubtedSource) -> None:
    new_source.show(blank_listing=True)
    assert new_source.crawl().verdict == "empty"
    new_source.show()
    new_source.crawl(1)
    assert new_source.told == {}


def test_a_first_crawl_of_short_pages_asks_again(new_source: DoubtedSource) -> None:
    new_source.show(short_pages=True)
    assert new_source.crawl().counts["new"] == 30
    new_source.crawl(1)
    assert new_source.told == {}


def test_what_the_first_crawl_missed_waits_for_the_operator(new_source: DoubtedSource) -> None:
    new_source.show(hidden_after=12)
    assert new_source.crawl().verdict == "ok"
    new_source.show()
    new_source.crawl(1)
    assert new_source.told["asked"] == 0
    assert new_source.held["asked"] > 3
    assert "awaiting_approval" in new_source.alarms


@pytest.mark.parametrize("page", [0, 1])
def test_a_listing_that_is_cut_on_its_way_is_not_whole(
    new_source: DoubtedSource, page: int
) -> None:
    new_source.show(cut_listing_page=page)
    assert new_source.crawl().verdict in ("partial", "changed")
    new_source.show()
    new_source.crawl(1)
    assert new_source.told == {}


def test_one_blank_window_of_several_is_doubted() -> None:
    day = date(2026, 7, 1)
    window = ListingWindow(day, day + timedelta(days=30))
    good = WindowCoverage(window, known=200, named=200)
    assert explain_coverage([good, WindowCoverage(window, known=5, named=0)])
    assert explain_coverage([good, WindowCoverage(window, known=5, named=2)])
    assert explain_coverage([WindowCoverage(window, known=1, named=0)])
    assert explain_coverage([good, WindowCoverage(window, known=1, named=0)]) is None
    assert explain_coverage([good, WindowCoverage(window, known=6, named=3)]) is None
    assert explain_coverage([WindowCoverage(window, known=0, named=0)]) is None


# ------------------------------------------------------------------ pages that are missing


def test_pages_that_are_all_missing_are_a_fault_of_the_source(source: DoubtedSource) -> None:
    source.show(missing_share=1.0)
    outcome = source.crawl(12)
    assert (outcome.verdict, outcome.is_complete) == ("changed", False)
    assert "known pages are missing" in outcome.reason
    for hours in (24, 46, 57, 70, 90):
        source.crawl(hours)
    assert source.told == {}
    assert source.held["withdrawn"] > 3
    source.show()
    source.crawl(120)
    source.crawl(200)
    assert source.held["withdrawn"] == 0
    assert source.told == {}
    assert source.alarms == {}


def test_some_missing_pages_that_the_listing_names_are_not_withdrawn(
    source: DoubtedSource,
) -> None:
    source.show(missing_share=0.1)
    for hours in (7, 30, 55, 80, 190, 220):
        source.crawl(hours)
    assert source.told["withdrawn"] == 0
    assert source.held["withdrawn"] > 0
    assert "awaiting_approval" in source.alarms


def test_a_withdrawn_question_that_returns_is_told(source: DoubtedSource) -> None:
    source.show(withdrawn_share=0.1)
    for hours in (7, 30, 55, 80, 190, 220):
        source.crawl(hours)
    assert source.held == {}
    withdrawn = source.told["withdrawn"]
    assert withdrawn > 0
    source.show()
    for hours in (300, 400, 500):
        source.crawl(hours)
    assert source.told == {"withdrawn": withdrawn, "returned": withdrawn}
    source.show(withdrawn_share=0.1)
    for hours in (700, 730, 760):
        source.crawl(hours)
    assert source.told == {"withdrawn": 2 * withdrawn, "returned": withdrawn}


def test_the_return_of_a_question_whose_withdrawal_was_rejected_is_not_told(
    source: DoubtedSource,
) -> None:
    source.show(missing_share=0.1)
    for hours in (7, 30, 55):
        source.crawl(hours)
    assert source.decide(approve=False) > 0
    source.show()
    source.crawl(80)
    source.crawl(250)
    assert source.told == {}


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize("fault", ["answers_cut", "answers_missing"])
def test_answers_that_vanish_count_against_the_crawl(source: DoubtedSource, fault: str) -> None:
    source.show(**{fault: True})
    outcome = source.crawl(8 * 24)
    assert (outcome.verdict, outcome.is_complete) == ("changed", False)
    assert source.told == {}
    source.show()
    assert source.crawl(9 * 24 + 1).verdict == "ok"
    assert source.told == {}
    assert source.held == {}


def test_halved_answers_are_no_corrections(source: DoubtedSource) -> None:
    source.show(halved_answers=True)
    assert source.crawl(8 * 24).verdict == "changed"
    source.show()
    source.crawl(9 * 24 + 1)
    assert source.told == {}
    assert source.held == {}


def test_shortened_answers_that_stay_wait_for_the_operator(source: DoubtedSource) -> None:
    source.show(halved_answers=True)
    source.crawl(8 * 24)
    source.crawl(9 * 24 + 1)
    assert source.told == {}
    assert source.held["corrected"] > 3


def test_rewritten_answers_in_bulk_wait_for_the_operator(source: DoubtedSource) -> None:
    source.show(rewritten_answers=True)
    source.crawl(8 * 24)
    assert source.told == {}
    assert source.held["corrected"] > 3
