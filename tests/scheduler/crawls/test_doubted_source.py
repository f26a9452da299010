"""A source that shows less than it did is doubted: real crawls of a replica with faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.ledger import Ledger, alarms, changes, crawl_runs, held_changes, open_ledger
from alerts.recording import CrawlOutcome, CrawlPolicy, plan_crawl
from crawler.plan import CrawlPlan, PolitenessSettings
from scheduler.crawls import crawl_source
from tests.support.service import RunningReplica, run_replica

pytestmark = pytest.mark.process

POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0.001, timeout_seconds=5)
POLICY = CrawlPolicy(days_back=90)


@pytest.fixture
def source() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield opened
    opened.engine.dispose()


def crawl(ledger: Ledger, source: RunningReplica, now: datetime | None = None) -> CrawlOutcome:
    """Crawl as the service does, at ``now`` or when the source's clock stands."""
    moment = now or source.now
    target = CrawlPlan(source="london", base_url=source.url, politeness=POLITENESS, max_seconds=60)
    with ledger.reading() as connection:
        plan = plan_crawl(connection, target, POLICY, moment)
    return crawl_source(ledger, plan, lambda: moment, POLICY)


def list_alarms(ledger: Ledger) -> set[str]:
    with ledger.reading() as connection:
        return {alarm.kind for alarm in alarms.list_open(connection)}


def count_told(ledger: Ledger) -> Counter[str]:
    """Return how many changes of each kind alert somebody."""
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 10**4)
    return Counter(n.change.kind.value for n in found if n.silence_reason is None)


def count_held(ledger: Ledger) -> Counter[str]:
    with ledger.reading() as connection:
        groups = held_changes.list_awaiting_approval(connection)
    return Counter({group.kind: group.changes for group in groups})


@pytest.mark.parametrize("fault", ["blank_listing", "maintenance"])
def test_a_listing_that_names_nothing_known_is_doubted(
    ledger: Ledger, source: RunningReplica, fault: str
) -> None:
    crawl(ledger, source)
    setattr(source.faults, fault, True)
    outcome = crawl(ledger, source, source.now + timedelta(hours=3))
    assert (outcome.verdict, outcome.is_complete) == ("changed", False)
    assert "changed" in list_alarms(ledger)
    with ledger.reading() as connection:
        assert crawl_runs.get_last_complete_finish(connection, "london") == source.now
    setattr(source.faults, fault, False)
    assert crawl(ledger, source, source.now + timedelta(hours=4)).verdict == "ok"
    assert list_alarms(ledger) == set()


def test_pages_and_listing_gone_together_withdraw_nothing(
    ledger: Ledger, source: RunningReplica
) -> None:
    crawl(ledger, source)
    source.faults.blank_listing, source.faults.missing_share = True, 1.0
    for days in (1, 2, 3, 9):
        assert crawl(ledger, source, source.now + timedelta(days=days)).verdict == "changed"
    assert count_told(ledger) == {}


def test_a_first_crawl_of_an_empty_listing_is_no_baseline(
    ledger: Ledger, source: RunningReplica
) -> None:
    source.faults.blank_listing = True
    assert crawl(ledger, source).verdict == "empty"
    source.faults.blank_listing = False
    crawl(ledger, source, source.now + timedelta(hours=1))
    assert count_told(ledger) == {}


def test_a_first_crawl_of_short_pages_asks_again(ledger: Ledger, source: RunningReplica) -> None:
    source.faults.short_pages = True
    assert crawl(ledger, source).counts["new"] == 30
    crawl(ledger, source, source.now + timedelta(hours=1))
    assert count_told(ledger) == {}
