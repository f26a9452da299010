"""Personal data is exported, and nothing of it is left after it was deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import insert, select, update

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, deliveries, messages, personal_data, subscriptions
from alerts.ledger.deliveries import DeliveryAttempt
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import digest_notice, message, metadata, notice
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe, unsubscribe
from tests.support.samples import make_question

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
ADA, VERA = "ada@demo.example", "vera@demo.example"


def send(ledger: Ledger, now: datetime) -> None:
    """Send a digest and a notice to each of two subscribers."""
    with ledger.writing() as connection:
        for who in (ADA, VERA):
            wish = SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")
            subscribe(connection, who, wish, SubscriberDefaults("Europe/London", 7), now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert compose_due_digests(ledger, DigestSettings(Templates(), HEAD), now) == 2
    with ledger.writing() as connection:
        sent = DeliveryAttempt("sent", "250", "sent", now)
        deliveries.record_attempts(
            connection, [(entry.id, sent, now) for entry in messages.list_due(connection, now)]
        )
        values = {"source": "london", "site_name": "x", "kind": "unavailable"}
        notice_id = connection.execute(
            insert(notice).values(**values, since=now, created_at=now).returning(notice.c.id)
        ).scalar_one()
        digests = connection.execute(select(message.c.id).order_by(message.c.id)).scalars()
        for who, message_id in zip((ADA, VERA), digests, strict=True):
            person = subscriptions.find_subscriber_by_email(connection, who)
            assert person is not None
            connection.execute(
                insert(digest_notice).values(
                    subscriber_id=person.id, notice_id=notice_id, message_id=message_id
                )
            )


def dump(ledger: Ledger) -> str:
    """Return all rows of all tables as text."""
    with ledger.reading() as connection:
        tables = metadata.sorted_tables
        rows = chain(*(connection.execute(select(table)).all() for table in tables))
        return "\n".join(str(make_searchable(value)) for row in rows for value in row)


def make_searchable(value: object) -> object:
    """Return a value that can be searched: bodies are stored compressed."""
    if not isinstance(value, bytes):
        return value
    try:
        return decompress_body(value)
    except ValueError:  # it is no body
        return value


def find_id(ledger: Ledger, email: str) -> int:
    with ledger.reading() as connection:
        person = subscriptions.find_subscriber_by_email(connection, email)
    assert person is not None
    return person.id


def test_a_subscriber_is_deleted_completely_and_no_other(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    before = dump(ledger)
    assert before.count(ADA) == before.count(VERA) >= 3
    who = find_id(ledger, ADA)
    with ledger.writing() as connection:
        personal_data.delete_subscriber(connection, who)
    after = dump(ledger)
    assert ADA not in after
    assert after.count(VERA) == before.count(VERA)


def test_former_subscribers_are_listed_for_deletion_in_time(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    with ledger.writing() as connection:
        unsubscribe(connection, ADA, None, now)
        assert personal_data.list_unsubscribed_before(connection, now) == []
        assert personal_data.list_unsubscribed_before(connection, now + timedelta(seconds=1)) == [1]
        wish = SubscriptionRequest("benches", Frequency.DAILY, "all", "command")
        subscribe(
            connection, ADA, wish, SubscriberDefaults("Europe/London", 7), now
        )  # and came back
        assert personal_data.list_unsubscribed_before(connection, now + timedelta(days=99)) == []
        unsubscribe(connection, ADA, None, now)
        connection.execute(
            update(message).where(message.c.recipient == ADA).values(phase="handing_over")
        )
        assert personal_data.has_unsent_messages(connection, 1)
        assert personal_data.list_unsubscribed_before(connection, now + timedelta(days=99)) == []


def test_everything_of_a_subscriber_is_exported(ledger: Ledger, now: datetime) -> None:
    send(ledger, now)
    with ledger.reading() as connection:
        shown = personal_data.collect_data(connection, 1)
    assert shown["subscriber"]["email"] == ADA
    assert [one["query"] for one in shown["subscriptions"]] == ["VRU"]
    assert [one["subject"] for one in shown["messages"]] == ["VRU: 1 new question"]
    assert "token" not in str(shown)
    assert VERA not in str(shown)
