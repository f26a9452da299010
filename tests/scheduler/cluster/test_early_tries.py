"""A cluster tries a source again soon that it could not read yet, whichever scheduler is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from alerts.ledger import Ledger
from alerts.recording import CrawlPolicy, CrawlRecorder
from scheduler.cluster.page_controls import ClusterControls
from scheduler.cluster.roles import join_cluster
from scheduler.cluster.ticks import Ticker
from scheduler.config import parse_config
from scheduler.service import Service, open_service
from tests.support.postgres import EMPTY_LEDGER, create_database

pytestmark = pytest.mark.postgres

#: Half past, so that no hour begins within the next half.
HALF_PAST = datetime(2026, 7, 16, 12, 30, tzinfo=UTC)


class Hand:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = HALF_PAST

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def service(tmp_path: Path, postgres_server: str, hand: Hand) -> Iterator[Service]:
    with create_database(postgres_server, EMPTY_LEDGER) as url:
        config = f'[ledger]\nurl = "{url}"\n[sources.london]\nurl = "http://127.0.0.1:1"\n'
        made = open_service(parse_config(config, tmp_path, "config.toml"), hand)
        yield join_cluster(made)
        made.ledger.close()


def take_jobs(ledger: Ledger) -> int:
    """How many crawls are to be made; they are taken."""
    with ledger.writing_shard() as connection:
        connection.execute(text("set local search_path to jobs, public"))
        done = text("delete from jobs.procrastinate_jobs where task_name = 'crawl'")
        return connection.execute(done).rowcount


def fail_crawl(service: Service) -> None:
    policy = CrawlPolicy(purpose="regular")
    CrawlRecorder(service.ledger, "london", service.clock, policy).finish("it was killed")


def test_each_moment_is_made_into_one_job(service: Service, hand: Hand) -> None:
    first, second = Ticker(service), Ticker(service)
    controls = ClusterControls(service)
    for ticker in (first, second):
        ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1  # that of twelve o'clock
    fail_crawl(service)
    assert controls.find_next_crawl("london") == HALF_PAST + timedelta(minutes=2)
    first.make_periodic_jobs()
    assert take_jobs(service.ledger) == 0
    hand.now += timedelta(minutes=2)
    for ticker in (first, second, first):
        ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1
    fail_crawl(service)
    assert controls.find_next_crawl("london") == hand.now + timedelta(minutes=3)
    hand.now = datetime(2026, 7, 16, 13, 0, tzinfo=UTC)
    for ticker in (first, second):
        ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1


def test_a_clock_that_was_set_back_holds_up_no_moment(service: Service, hand: Hand) -> None:
    """Each scheduler has seen to moments that have not come yet."""
    ticker = Ticker(service)
    hand.now += timedelta(hours=3)
    ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1
    hand.now = datetime(2026, 7, 16, 13, 0, tzinfo=UTC)
    for _ in range(2):
        ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1
    hand.now = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
    ticker.make_periodic_jobs()
    assert take_jobs(service.ledger) == 1
