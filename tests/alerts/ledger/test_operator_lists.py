"""What the operator's pages list and count, on both kinds of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, insert

from alerts.ledger import (
    Ledger,
    bounces,
    crawl_history,
    crawl_runs,
    deliveries,
    message_lists,
    operator_actions,
    publication,
    subscriber_lists,
    subscriptions,
)
from alerts.ledger.crawl_runs import CrawlResult
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import DeliveryOutcome, MessagePhase
from alerts.ledger.operator_actions import OperatorAction
from alerts.ledger.schema import message, pending_subscription
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.subscribers import publish_topic, subscribe, unsubscribe
from tests.support.web_client import SUBSCRIBER_DEFAULTS


def add_crawl(
    connection: Connection, source: str, begun: datetime, verdict: str | None = "ok"
) -> None:
    run = crawl_runs.start_run(connection, source, begun)
    if verdict:
        result = CrawlResult(verdict, "why", "null", verdict == "ok", {"asked": 2})
        crawl_runs.finish_run(connection, run, result, begun + timedelta(minutes=5))


def add_alert(connection: Connection, email: str, query: str, now: datetime) -> None:
    request = SubscriptionRequest(query, Frequency.DAILY, "all", "page")
    subscribe(connection, email, request, SUBSCRIBER_DEFAULTS, now)


def test_crawls_are_counted_by_day_in_utc(ledger: Ledger, now: datetime) -> None:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with ledger.writing() as connection:
        for hours in (-25, -1, 1):
            add_crawl(connection, "london", midnight + timedelta(hours=hours))
        add_crawl(connection, "london", midnight - timedelta(minutes=1), "blocked")
        add_crawl(connection, "london", midnight + timedelta(hours=2), None)
        add_crawl(connection, "paris", midnight, "blocked")
    today = now.date()
    first, since = today - timedelta(days=3), midnight - timedelta(days=3)
    with ledger.reading() as connection:
        days = crawl_history.count_by_day(connection, "london", first, today, since)
        newest = crawl_history.list_crawls(connection, 2, "london")
        older = crawl_history.list_crawls(connection, 9, "london", before=newest[-1].id)
        number = crawl_history.count_since(connection, "london", midnight)
        found = crawl_runs.list_recent(connection, "london", 1)
    assert [(day.good, day.crawls, day.state) for day in days] == [
        (0, 0, "none"),
        (1, 1, "good"),
        (1, 2, "part"),
        (1, 1, "good"),
    ]
    assert newest[0].duration is None
    assert newest[1].duration == timedelta(minutes=5)
    assert newest[1].changes == {"asked": 2}
    assert len(older) == 3
    assert number == 1
    assert found[0].verdict == "blocked"


def test_subscribers_are_counted_and_listed_by_state(ledger: Ledger, now: datetime) -> None:
    before = now - timedelta(days=60)
    with ledger.writing() as connection:
        add_alert(connection, "old@demo.example", "benches", before)
        add_alert(connection, "new@demo.example", "benches", now)
        add_alert(connection, "new@demo.example", "trams", now)
        add_alert(connection, "gone@demo.example", "trams", before)
        unsubscribe(connection, "gone@demo.example", None, now)
        old = subscriptions.find_subscriber_by_email(connection, "old@demo.example")
        assert old is not None
        subscriptions.pause(connection, old.id, None, now)
        bounces.suspend_subscriber(connection, old.id, "operator", now)
        fresh = subscriptions.ensure_subscriber(connection, "fresh@demo.example", "UTC", 7, now)
        values = {"subscriber_id": fresh.id, "token": "t", "request": "{}", "requested_at": now}
        connection.execute(insert(pending_subscription).values(**values))
    with ledger.reading() as connection:
        counts = subscriber_lists.count_subscribers(connection, now - timedelta(days=28))
        listed = {
            shown: [one.email for one in subscriber_lists.list_subscribers(connection, 9, shown)]
            for shown in subscriber_lists.SHOWN
        }
        found = subscriber_lists.search_addresses(connection, "NEW@", 9)
        none = subscriber_lists.search_addresses(connection, "n_w", 9)
        bounced = bounces.find_suppression(connection, "old@demo.example")
    assert (counts.confirmed, counts.paused, counts.suspended, counts.pending) == (2, 1, 1, 1)
    assert (counts.alerts, counts.topics, counts.begun, counts.left) == (3, 2, 1, 1)
    assert listed["all"][0] == "fresh@demo.example"
    assert len(listed["all"]) == 4
    assert listed["suspended"] == ["old@demo.example"]
    assert listed["paused"] == ["old@demo.example"]
    assert listed["pending"] == ["fresh@demo.example"]
    assert [(one.email, one.alerts) for one in found] == [("new@demo.example", 2)]
    assert none == []
    assert bounced is not None
    assert bounced.reason == "operator"


@pytest.mark.parametrize("phase", ["sent", "failed"])
def test_messages_are_listed_by_phase_and_counted_by_day(
    ledger: Ledger, now: datetime, phase: MessagePhase
) -> None:
    outcome: DeliveryOutcome = "sent" if phase == "sent" else "content_rejected"
    with ledger.writing() as connection:
        person = subscriptions.ensure_subscriber(connection, "a@demo.example", "UTC", 7, now)
        for number in range(1, 6):
            values = {
                "id": number,
                "subscriber_id": person.id,
                "kind": "digest",
                "key": str(number),
                "message_id": str(number),
                "recipient": person.email,
                "subject": "s",
                "body": b"",
                "phase": "queued",
                "attempts": 0,
                "due_at": now,
                "composed_at": now,
            }
            connection.execute(insert(message).values(**values))
            attempt = DeliveryAttempt(outcome, "said", phase, now)
            moment = now - timedelta(days=number % 2)
            deliveries.record_attempts(connection, [(number, attempt, moment)])
    with ledger.reading() as connection:
        listed = message_lists.list_messages(connection, 2, (phase,), before=5)
        mine = message_lists.list_messages(connection, 9, subscriber_id=person.id)
        none = message_lists.list_messages(connection, 9, ("in_doubt",))
        day = message_lists.count_between(connection, now, now + timedelta(days=1))
    assert [one.id for one in listed] == [4, 3]
    assert (listed[0].detail, listed[0].kind) == ("said", "digest")
    assert len(mine) == 5
    assert none == []
    assert (day.sent, day.failed) == ((2, 0) if phase == "sent" else (0, 2))


def test_topics_are_listed_ranked_and_counted(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        for number, query in enumerate(("benches", "trams", "lime trees")):
            for person in range(number + 1):
                add_alert(connection, f"reader{person}@demo.example", query, now)
        publish_topic(connection, "trams", now)
    with ledger.reading() as connection:
        ranked = publication.rank_states(connection, 2)
        numbers = publication.count_topics(connection)
        second = publication.list_states(connection, "all", "", 1, 1)
        public = publication.list_states(connection, "public")
        found = publication.list_states(connection, text="LIME")
    assert [(one.title, one.subscribers) for one in ranked] == [("lime trees", 3), ("trams", 2)]
    assert numbers == (3, 1)
    assert [one.title for one in second] == ["lime trees"]
    assert [one.title for one in public] == ["trams"]
    assert [one.title for one in found] == ["lime trees"]


def test_the_log_of_actions_goes_on_from_a_number(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        for number in range(5):
            operator_actions.record(connection, OperatorAction(now, "page", f"action {number}"))
    with ledger.reading() as connection:
        first = operator_actions.list_page(connection, 2)
        second = operator_actions.list_page(connection, 2, before=first[-1].id)
    assert [one.action for one in (*first, *second)] == [f"action {n}" for n in (4, 3, 2, 1)]
