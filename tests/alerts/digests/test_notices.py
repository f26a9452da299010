"""Notices to subscribers: once when a source is unavailable, and once when it is available
again."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, notices
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency, NoticeKind
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe, unsubscribe
from tests.support.samples import make_question

IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
TEMPLATES = Templates()
SITE = "www.london.gov.uk"


def subscribe_to_vru(
    ledger: Ledger, now: datetime, email: str, every: Frequency = Frequency.IMMEDIATE
) -> None:
    with ledger.writing() as connection:
        request = SubscriptionRequest("VRU", every, "all", "command")
        subscribe(connection, email, request, SubscriberDefaults("Europe/London", 7), now)


def add_notice(ledger: Ledger, kind: NoticeKind, now: datetime) -> None:
    with ledger.writing() as connection:
        notices.add(connection, "london", SITE, kind, now - timedelta(hours=37), now)


def compose(ledger: Ledger, now: datetime) -> list[tuple[str, str]]:
    """Return recipient and subject of each message that is composed at ``now``."""
    with ledger.reading() as connection:
        before = set(connection.execute(select(message.c.id)).scalars())
    compose_due_digests(ledger, DigestSettings(TEMPLATES, IDENTITY), now)
    with ledger.reading() as connection:
        rows = connection.execute(
            select(message.c.recipient, message.c.subject)
            .where(message.c.id.not_in(before))
            .order_by(message.c.recipient)
        )
        return [(row.recipient, row.subject) for row in rows]


UNAVAILABLE = f"We cannot read {SITE} at present"
RESTORED = f"We can read {SITE} again"


def test_everybody_is_notified_once_of_each(ledger: Ledger, now: datetime) -> None:
    subscribe_to_vru(ledger, now, "ada@demo.example")
    subscribe_to_vru(ledger, now, "ben@demo.example")
    later = now + timedelta(minutes=1)
    add_notice(ledger, "unavailable", later)
    both = [("ada@demo.example", UNAVAILABLE), ("ben@demo.example", UNAVAILABLE)]
    assert compose(ledger, later) == both
    assert compose(ledger, later + timedelta(days=1)) == []
    subscribe_to_vru(ledger, later + timedelta(days=1), "cem@demo.example")
    assert compose(ledger, later + timedelta(days=1)) == []  # subscribed after the notice
    restored = later + timedelta(days=2)
    add_notice(ledger, "restored", restored)
    assert compose(ledger, restored) == [(email, RESTORED) for email, _ in both]
    assert compose(ledger, restored + timedelta(days=1)) == []


@pytest.mark.slow
def test_an_outage_that_nobody_was_notified_of_has_no_second_notice(
    ledger: Ledger, now: datetime
) -> None:
    subscribe_to_vru(ledger, now, "ada@demo.example")
    add_notice(ledger, "unavailable", now)
    add_notice(ledger, "restored", now)
    assert compose(ledger, now) == []


def test_each_outage_has_its_notices(ledger: Ledger, now: datetime) -> None:
    subscribe_to_vru(ledger, now, "ada@demo.example")
    subjects: list[str] = []
    kinds: tuple[NoticeKind, ...] = ("unavailable", "restored", "unavailable", "restored")
    for day, kind in enumerate(kinds):
        moment = now + timedelta(days=day)
        add_notice(ledger, kind, moment)
        subjects += [subject for _, subject in compose(ledger, moment)]
    assert subjects == [UNAVAILABLE, RESTORED, UNAVAILABLE, RESTORED]


def test_a_daily_digest_has_it_at_its_hour(ledger: Ledger, now: datetime) -> None:
    subscribe_to_vru(ledger, now - timedelta(days=2), "ada@demo.example", Frequency.DAILY)
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(1, words="The VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert len(compose(ledger, now)) == 1  # the first, at any hour
    add_notice(ledger, "unavailable", now)
    assert compose(ledger, now) == []
    assert compose(ledger, now.replace(hour=5) + timedelta(days=1)) == []  # six in London
    assert compose(ledger, now.replace(hour=6) + timedelta(days=1)) == [
        ("ada@demo.example", UNAVAILABLE)
    ]


def test_a_digest_with_entries_has_the_notice_too(ledger: Ledger, now: datetime) -> None:
    subscribe_to_vru(ledger, now, "ada@demo.example")
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(1, words="The VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    add_notice(ledger, "unavailable", now)
    [(_, subject)] = compose(ledger, now)
    assert subject == "VRU: 1 new question"
    with ledger.reading() as connection:
        body = decompress_body(connection.execute(select(message.c.body)).scalar_one())
    mail = message_from_bytes(body, policy=policy.default)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        text = " ".join(part.get_content().split())
        assert "been able to read www.london.gov.uk since 15 July 2026, 00:00 BST" in text
    assert compose(ledger, now) == []


def test_nobody_is_notified_after_unsubscribing(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    subscribe_to_vru(ledger, now, "ada@demo.example")
    subscribe_to_vru(ledger, now, "ben@demo.example")
    add_notice(ledger, "unavailable", now)
    assert len(compose(ledger, now)) == 2
    with ledger.writing() as connection:
        unsubscribe(connection, "ada@demo.example", None, now)
    done = deliver_due(
        ledger, ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),)), lambda: now
    )
    assert done == {"sent": 1, "dropped": 1}
    add_notice(ledger, "restored", now)
    assert compose(ledger, now) == [("ben@demo.example", RESTORED)]
