"""What is old is deleted in small transactions, and what later steps look back at is not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Table, event, func, insert, select, update

from alerts.ledger import Ledger, crawl_runs, retention
from alerts.ledger.delivery_schema import delivery_attempt
from alerts.ledger.retention import RetentionLimits, count_old, prune
from alerts.ledger.schema import (
    alarm,
    bounce,
    change,
    crawl_run,
    digest_item,
    match,
    message,
    question,
    subscriber,
)
from tests.support.outbox import queue_messages

ADA, BEA, CY = (f"{name}@demo.example" for name in ("ada", "bea", "cy"))
YEAR = timedelta(days=365)


def limit_to(moment: datetime) -> RetentionLimits:
    return RetentionLimits(messages=moment, crawls=moment)


def count(ledger: Ledger, *tables: Table) -> list[int]:
    with ledger.reading() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


@pytest.fixture
def sent(ledger: Ledger, now: datetime) -> Ledger:
    """Three digests: two of two years ago, of which one was not sent, and one of today."""
    queue_messages(ledger, now - 2 * YEAR, ADA, BEA)
    queue_messages(ledger, now, CY)
    with ledger.writing() as connection:
        is_sent = message.c.recipient.in_((ADA, CY))
        connection.execute(update(message).where(is_sent).values(phase="sent"))
        tried = {"attempted_at": now, "outcome": "sent"}
        keys = connection.execute(select(message.c.id)).scalars().all()
        connection.execute(insert(delivery_attempt), [{"message_id": n, **tried} for n in keys])
        for days in (800, 3):
            hurt = {"subscriber_id": 1, "kind": "soft", "detail": "", "report_hash": str(days)}
            received = now - timedelta(days=days)
            connection.execute(insert(bounce).values(received_at=received, **hurt))
    return ledger


def test_old_messages_go_with_what_they_held(sent: Ledger, now: datetime) -> None:
    archive = count(sent, question, change, match, subscriber)
    with sent.reading() as connection:
        planned = count_old(connection, limit_to(now - YEAR))
    deleted = prune(sent, limit_to(now - YEAR))
    assert deleted == {"message": 1, "digest_item": 1, "delivery_attempt": 1, "bounce": 1}
    assert planned == deleted
    with sent.reading() as connection:
        left = connection.execute(select(message.c.recipient).order_by(message.c.id)).scalars()
        assert list(left) == [BEA, CY]  # what is not sent yet is never old
    assert count(sent, digest_item, delivery_attempt, bounce) == [2, 2, 1]
    assert count(sent, question, change, match, subscriber) == archive
    assert prune(sent, limit_to(now - YEAR)) == Counter()


def test_no_transaction_is_large_and_none_looks_at_what_is_new(
    sent: Ledger, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    with sent.writing() as connection:
        add_messages(connection, 9, now - 2 * YEAR, "old")
        connection.execute(update(message).values(phase="sent"))
        connection.execute(
            update(message).where(message.c.recipient != CY).values(composed_at=now - 2 * YEAR)
        )
        add_messages(connection, 40, now, "new")
    began: list[object] = []
    event.listen(sent.engine, "begin", began.append)
    assert prune(sent, limit_to(now - YEAR))["message"] == 11
    # 12 rows up to the last old one, two a transaction, and one that finds only new ones; one for
    # each of three other tables that are empty or small.
    assert len(began) <= 12


def add_messages(connection: Connection, number: int, composed: datetime, name: str) -> None:
    rows = [
        {
            "subscriber_id": 1,
            "kind": "digest",
            "key": f"{name} {n}",
            "message_id": f"<{name}.{n}>",
            "recipient": ADA,
            "subject": "",
            "body": b"",
            "phase": "sent",
            "attempts": 1,
            "due_at": composed,
            "composed_at": composed,
        }
        for n in range(number)
    ]
    connection.execute(insert(message), rows)


def test_it_stops_when_it_is_told_to(sent: Ledger, now: datetime) -> None:
    assert prune(sent, limit_to(now), is_stopped=lambda: True) == Counter()
    assert count(sent, message) == [3]


def test_the_first_and_the_last_crawls_of_a_source_are_kept(ledger: Ledger, now: datetime) -> None:
    """Without them, the next crawl would be the baseline again and alert nobody."""
    with ledger.writing() as connection:
        for number in range(30):
            started = now - 2 * YEAR + timedelta(days=number)
            row = {"source": "london", "started_at": started, "purpose": "regular"}
            verdict = "ok" if 9 < number < 20 else "blocked"
            more = {"verdict": verdict, "is_complete": verdict == "ok"}
            connection.execute(insert(crawl_run).values(**row, **more))
        before = read_crawls(connection)
    assert prune(ledger, limit_to(now - YEAR)) == {"crawl_run": 22}
    with ledger.reading() as connection:
        assert read_crawls(connection) == before
        left = list(connection.execute(select(crawl_run.c.id)).scalars())
        assert left == [1, 11, 12, 13, 18, 19, 20, 30]


def read_crawls(connection: Connection) -> list[object]:
    return [
        crawl_runs.has_baseline(connection, "london"),
        crawl_runs.find_unconfirmed_baseline(connection, "london"),
        crawl_runs.get_first_start(connection, "london"),
        crawl_runs.get_last_complete_finish(connection, "london"),
    ]


def test_an_alarm_is_old_when_it_was_cleared_long_ago(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        for cleared in (None, now - timedelta(days=1), now - 2 * YEAR):
            row = {"kind": "queue", "reason": "", "raised_at": now - 3 * YEAR}
            connection.execute(insert(alarm).values(cleared_at=cleared, **row))
    assert prune(ledger, limit_to(now - YEAR)) == {"alarm": 1}
    assert count(ledger, alarm) == [2]
