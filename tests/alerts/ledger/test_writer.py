"""One process works on a ledger; one that has lost its lock can commit nothing more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channel_run import ChannelRun
from alerts.delivery.channels import maildir
from alerts.delivery.outcomes import OutcomeWriter
from alerts.delivery.sent_log import SentLog
from alerts.digests import DigestSettings, compose_due_digests
from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import Ledger, WriterLost, claims, messages, open_ledger, writer
from alerts.ledger.claims import LeasePeriods
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.publication_schema import feed
from alerts.ledger.schema import (
    change,
    crawl_run,
    match,
    message,
    topic,
)
from alerts.ledger.service_schema import writer as writer_table
from alerts.ledger.writer_lease import SERVER_TIME
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.recording import (
    CrawlPolicy,
    CrawlRecorder,
)
from alerts.rendering import Templates
from crawler.storage import LocalFolder
from tests.support.outbox import list_due, queue_messages

ADA = "ada@demo.example"
IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://x.example")


#: Seconds between two renewals of a lease in these tests: it is long lost when its holder notices.
BEAT_SECONDS = 0.05


@contextmanager
def overtaken(ledger: Ledger, url: str) -> Iterator[tuple[Ledger, Ledger]]:
    """Give the ledger of a writer whose lock was lost, and that of the writer after it."""
    second = open_ledger(url)
    with writer.become(ledger) as old:
        assert old is not None
        assert old.find_loss() is None
        lose_lock(ledger)
        with writer.become(second) as new:
            assert new is not None
            assert new.find_loss() is None
            yield old.ledger, new.ledger
    second.engine.dispose()


def lose_lock(ledger: Ledger) -> None:
    """Remove the lock's file, or let the lease be one that was not renewed for half a minute."""
    if ledger.is_sqlite:
        Path(f"{ledger.engine.url.database}.lock").unlink()
        return
    set_beat(ledger, -30)


def set_beat(ledger: Ledger, seconds: float) -> None:
    """Set when the lease was last renewed, in seconds from now."""
    with ledger.writing_shard() as connection:
        connection.execute(update(writer_table).values(beat=SERVER_TIME + seconds))


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        time.sleep(BEAT_SECONDS)


def test_a_writer_notices_that_it_has_lost_the_lock(ledger: Ledger, ledger_url: str) -> None:
    second = open_ledger(ledger_url)
    with writer.become(ledger, beat_seconds=BEAT_SECONDS) as old:
        assert old is not None
        with second.writing() as connection:
            connection.execute(update(writer_table).values(epoch=writer_table.c.epoch + 1))
        wait_for(old.find_loss)
    second.engine.dispose()


def test_a_second_process_is_refused(ledger: Ledger, ledger_url: str) -> None:
    second = open_ledger(ledger_url)
    with writer.become(ledger) as mine, writer.become(second) as theirs:
        assert mine is not None
        assert theirs is None
    with writer.become(second) as free:
        assert free is not None
    second.engine.dispose()


def test_each_writer_has_a_higher_epoch(ledger: Ledger) -> None:
    epochs = []
    for _ in range(3):
        with writer.become(ledger) as mine:
            assert mine is not None
            epochs.append(mine.ledger.epoch)
    assert epochs == [1, 2, 3]


def match_changes(ledger: Ledger, _now: datetime, _folder: Path) -> object:
    return TopicMatcher(ledger).match_new_changes()


def compose(ledger: Ledger, now: datetime, _folder: Path) -> object:
    return compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now)


def deliver(ledger: Ledger, now: datetime, folder: Path) -> object:
    channels = ChannelTable((maildir.MaildirSettings(folder / "mail"),))
    return deliver_due(ledger, channels, lambda: now)


def publish(ledger: Ledger, _now: datetime, folder: Path) -> object:
    identity = FeedIdentity("Watchword", "https://x.example", "w@demo.example")
    return publish_feeds(ledger, LocalFolder(folder / "feeds"), FeedContext(identity, Templates()))


def crawl(ledger: Ledger, now: datetime, _folder: Path) -> object:
    return CrawlRecorder(ledger, "london", lambda: now, CrawlPolicy())


@pytest.mark.parametrize("step", [match_changes, compose, deliver, publish, crawl])
def test_no_step_of_a_lost_writer_commits_anything(
    step: Callable[[Ledger, datetime, Path], object],
    ledger: Ledger,
    ledger_url: str,
    now: datetime,
    tmp_path: Path,
) -> None:
    queue_messages(ledger, now, ADA)
    before = read_all(ledger)
    with overtaken(ledger, ledger_url) as (old, _), pytest.raises(WriterLost):
        step(old, now, tmp_path)
    assert read_all(ledger) == before
    assert not list(tmp_path.glob("mail/new/*"))


def read_all(ledger: Ledger) -> list[object]:
    with ledger.reading() as connection:
        tables = (message, delivery_attempt, match, change, crawl_run, feed, topic)
        return [connection.execute(select(table)).all() for table in tables]


def test_what_was_handed_over_before_is_recorded_and_not_sent_again(
    ledger: Ledger, ledger_url: str, now: datetime, tmp_path: Path
) -> None:
    """The old writer was between the final dot and its reply when it lost the lock."""
    queue_messages(ledger, now, ADA)
    with ledger.reading() as connection:
        [due] = list_due(connection, now)
    second = open_ledger(ledger_url)
    with writer.become(ledger) as old:
        assert old is not None
        with old.ledger.writing() as connection:
            mine = begin_claim(connection, old.ledger, due.id, now)
            claims.mark_handing_over(connection, [due.id])
        lose_lock(ledger)
        with writer.become(second) as new:
            assert new is not None
            assert deliver(new.ledger, now, tmp_path) == {}
            record_sent(mine, due.id, now)
            later = now + timedelta(hours=1)
            assert deliver(new.ledger, later, tmp_path) == {}
            with ledger.reading() as connection:
                [sent] = messages.get(connection, [due.id])
            assert (sent.phase, sent.attempts) == ("sent", 1)
    second.engine.dispose()


def begin_claim(connection: Connection, ledger: Ledger, key: int, now: datetime) -> ChannelRun:
    """Claim a message; return the delivery that holds it."""
    holder = claims.name_delivery()
    claims.claim(connection, [key], holder, LeasePeriods())
    return ChannelRun(ledger, maildir.MaildirSettings(), holder, 1, now)


def record_sent(run: ChannelRun, key: int, now: datetime) -> None:
    """Record a message as accepted, as a delivery does."""
    with run.ledger.reading() as connection:
        [handed] = messages.get(connection, [key])
    outcomes = OutcomeWriter(run, SentLog(), LeasePeriods())
    outcomes.record_attempt(handed, DeliveryAttempt("sent", "250", "sent", now), now)
    outcomes.finish()
    outcomes.run()
    with pytest.raises(WriterLost):
        outcomes.raise_failure()


def test_what_a_later_writer_claimed_is_not_recorded_by_the_one_before(
    ledger: Ledger, ledger_url: str, now: datetime
) -> None:
    queue_messages(ledger, now, ADA)
    with ledger.reading() as connection:
        [due] = list_due(connection, now)
    with overtaken(ledger, ledger_url) as (old, new):
        with ledger.writing() as connection:
            mine = begin_claim(connection, old, due.id, now)
        with new.writing() as connection:
            begin_claim(connection, new, due.id, now)
        record_sent(mine, due.id, now)
        with ledger.reading() as connection:
            [claimed] = messages.get(connection, [due.id])
        assert (claimed.phase, claimed.attempts) == ("sending", 0)


def test_what_a_dead_process_was_handing_over_is_in_doubt_at_once(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    queue_messages(ledger, now, ADA)
    place, _, _ = claims.name_delivery().rpartition(" pid ")
    dead = f"{place} pid 999999999 started 1, delivery 1"
    with ledger.writing() as connection:  # as a process leaves it that was killed
        [due] = list_due(connection, now)
        claims.claim(connection, [due.id], dead, LeasePeriods())
        claims.mark_handing_over(connection, [due.id])
    assert deliver(ledger, now, tmp_path) == {"sent": 1}
