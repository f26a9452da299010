"""When a source is crawled next after a crawl that failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.ledger import Ledger
from alerts.recording import find_backoff_end, find_early_try
from tests.alerts.recording.test_crawl_runs import HOUR, crawl


def test_a_source_that_was_never_read_is_tried_again_soon_and_then_later(
    ledger: Ledger, now: datetime
) -> None:
    """Two minutes after the first failure, later after each more, at last as usual."""

    def find_wait(period: timedelta = HOUR) -> timedelta | None:
        with ledger.reading() as connection:
            early = find_early_try(connection, "london", period)
        return early - now if early else None

    assert find_wait() is None
    waits = []
    for _ in range(7):
        crawl(ledger, now, failed=1, listings_failed=1)
        waits.append(find_wait())
    minutes = [wait / timedelta(minutes=1) if wait else None for wait in waits]
    assert minutes == [2, 3, 5, 10, 20, 40, None]


def test_only_a_passing_fault_of_a_first_crawl_is_tried_again_soon(
    ledger: Ledger, now: datetime
) -> None:
    def find(period: timedelta = HOUR) -> datetime | None:
        with ledger.reading() as connection:
            return find_early_try(connection, "london", period)

    crawl(ledger, now, refused=12)
    assert find() is None  # it refuses us
    crawl(ledger, now, ended=False)
    assert find() == now + timedelta(minutes=3)
    assert find(timedelta(minutes=3)) is None  # that is its usual time
    asked = now + timedelta(minutes=30)
    crawl(ledger, now, failed=1, listings_failed=1, resume_at=asked)
    assert find() == asked  # by Retry-After
    crawl(ledger, now)
    crawl(ledger, now, failed=1)
    assert find() is None  # it was read once


def test_a_source_that_names_a_time_is_left_alone_until_then(ledger: Ledger, now: datetime) -> None:
    crawl(ledger, now, failed=1, resume_at=now + 5 * HOUR)
    with ledger.reading() as connection:
        assert find_backoff_end(connection, "london", now + HOUR) == now + 5 * HOUR
        assert find_backoff_end(connection, "london", now + 5 * HOUR) is None
