"""What follows from bounces: pauses that grow, suspension, and who is remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

from alerts.bounces import HARD_BOUNCE_LIMIT, apply_bounce
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, bounces, personal_data, subscriptions
from alerts.ledger.bounces import Bounce
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.outbox import queue_messages
from tests.support.samples import make_question

ADA = "ada@demo.example"


def test_soft_bounces_pause_for_longer_each_time_and_then_suspend(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, ADA)
    with ledger.writing() as connection:
        subscriber = subscriptions.find_subscriber_by_email(connection, ADA)
        assert subscriber is not None
        for number in range(5):
            assert bounces.list_suspended(connection) == []
            bounce = Bounce("soft", number, "full")
            apply_bounce(connection, subscriber.id, bounce, now + timedelta(days=number))
        assert [s.reason for s in bounces.list_suspended(connection)] == ["bounces"]


def test_a_paused_subscriber_is_sent_everything_afterwards(ledger: Ledger, now: datetime) -> None:
    identity = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
    with ledger.writing() as connection:
        request = subscriptions.SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")
        subscribe(connection, ADA, request, SubscriberDefaults("Europe/London", 7), now)
        subscriber = subscriptions.find_subscriber_by_email(connection, ADA)
        assert subscriber is not None
        apply_bounce(connection, subscriber.id, Bounce("soft", 1, "full"), now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert (
        compose_due_digests(
            ledger, DigestSettings(Templates(), identity), now + timedelta(hours=23)
        )
        == 0
    )
    assert (
        compose_due_digests(
            ledger, DigestSettings(Templates(), identity), now + timedelta(hours=24)
        )
        == 1
    )


def test_an_address_stays_suspended_when_its_subscriber_was_deleted(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, ADA)
    with ledger.writing() as connection:
        subscriber = subscriptions.find_subscriber_by_email(connection, ADA)
        assert subscriber is not None
        for number in range(HARD_BOUNCE_LIMIT):
            apply_bounce(connection, subscriber.id, Bounce("hard", number, "550"), now)
        personal_data.delete_data(connection, ADA)
        assert bounces.list_suspended(connection) == []
        again = subscriptions.ensure_subscriber(connection, ADA, "Europe/London", 7, now)
        assert [s.email for s in bounces.list_suspended(connection)] == [ADA]
        assert bounces.remove_suppression(connection, again.email)
        assert not bounces.remove_suppression(connection, again.email)
        assert bounces.list_suspended(connection) == []
