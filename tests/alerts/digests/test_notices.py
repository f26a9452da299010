"""What subscribers are told of a source that cannot be read: once, and once when it is mended."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

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

HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example")
TEMPLATES = Templates()
PLACE = "www.london.gov.uk"


def watch(ledger: Ledger, now: datetime, who: str, every: Frequency = Frequency.IMMEDIATE) -> None:
    with ledger.writing() as connection:
        wish = SubscriptionRequest("VRU", every, "all", "command")
        subscribe(connection, who, wish, SubscriberDefaults("Europe/London", 7), now)


def give(ledger: Ledger, kind: NoticeKind, now: datetime) -> None:
    with ledger.writing() as connection:
        notices.add(connection, "london", PLACE, kind, now - timedelta(hours=37), now)


def written(ledger: Ledger, now: datetime) -> list[tuple[str, str]]:
    """Recipient and subject of what is composed at ``now``."""
    with ledger.reading() as connection:
        before = set(connection.execute(select(message.c.id)).scalars())
    compose_due_digests(ledger, DigestSettings(TEMPLATES, HEAD), now)
    with ledger.reading() as connection:
        rows = connection.execute(
            select(message.c.recipient, message.c.subject)
            .where(message.c.id.not_in(before))
            .order_by(message.c.recipient)
        )
        return [(row.recipient, row.subject) for row in rows]


SILENT = f"We cannot read {PLACE} at present"
MENDED = f"We can read {PLACE} again"


def test_everybody_is_told_once_and_once_again(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "ada@demo.example")
    watch(ledger, now, "ben@demo.example")
    later = now + timedelta(minutes=1)
    give(ledger, "unavailable", later)
    both = [("ada@demo.example", SILENT), ("ben@demo.example", SILENT)]
    assert written(ledger, later) == both
    assert written(ledger, later + timedelta(days=1)) == []
    watch(ledger, later + timedelta(days=1), "cem@demo.example")
    assert written(ledger, later + timedelta(days=1)) == []  # came when all knew
    mended = later + timedelta(days=2)
    give(ledger, "restored", mended)
    assert written(ledger, mended) == [(who, MENDED) for who, _ in both]
    assert written(ledger, mended + timedelta(days=1)) == []


def test_a_silence_that_nobody_was_told_of_is_not_taken_back(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "ada@demo.example")
    give(ledger, "unavailable", now)
    give(ledger, "restored", now)
    assert written(ledger, now) == []


def test_each_silence_is_told_anew(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "ada@demo.example")
    subjects: list[str] = []
    kinds: tuple[NoticeKind, ...] = ("unavailable", "restored", "unavailable", "restored")
    for day, kind in enumerate(kinds):
        moment = now + timedelta(days=day)
        give(ledger, kind, moment)
        subjects += [subject for _, subject in written(ledger, moment)]
    assert subjects == [SILENT, MENDED, SILENT, MENDED]


def test_a_daily_digest_brings_it_at_its_hour(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now - timedelta(days=2), "ada@demo.example", Frequency.DAILY)
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(1, words="The VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert len(written(ledger, now)) == 1  # the first, at any hour
    give(ledger, "unavailable", now)
    assert written(ledger, now) == []
    assert written(ledger, now.replace(hour=5) + timedelta(days=1)) == []  # six in London
    assert written(ledger, now.replace(hour=6) + timedelta(days=1)) == [
        ("ada@demo.example", SILENT)
    ]


def test_it_rides_along_with_what_there_is(ledger: Ledger, now: datetime) -> None:
    watch(ledger, now, "ada@demo.example")
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(make_question(1, words="The VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    give(ledger, "unavailable", now)
    [(_, subject)] = written(ledger, now)
    assert subject == "VRU: 1 new question"
    with ledger.reading() as connection:
        body = decompress_body(connection.execute(select(message.c.body)).scalar_one())
    mail = message_from_bytes(body, policy=policy.default)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        words = " ".join(part.get_content().split())
        assert "been able to read www.london.gov.uk since 15 July 2026, 00:00 BST" in words
    assert written(ledger, now) == []


def test_who_leaves_is_not_told(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    watch(ledger, now, "ada@demo.example")
    watch(ledger, now, "ben@demo.example")
    give(ledger, "unavailable", now)
    assert len(written(ledger, now)) == 2
    with ledger.writing() as connection:
        unsubscribe(connection, "ada@demo.example", None, now)
    done = deliver_due(
        ledger, ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),)), lambda: now
    )
    assert done == {"sent": 1, "dropped": 1}
    give(ledger, "restored", now)
    assert written(ledger, now) == [("ben@demo.example", MENDED)]
