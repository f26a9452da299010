"""What comes back by mail: read, attributed to the message that caused it, acted on once."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from alerts.bounces.apply import HARD_BOUNCE_LIMIT, apply_bounce
from alerts.bounces.parse import read_report
from alerts.bounces.process import process_report
from alerts.bounces.return_path import build_return_path, find_message_number
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, bounces, secrets, subscriptions
from alerts.ledger.schema import message
from alerts.mail.identity import MailIdentity
from alerts.matching import TopicMatcher
from alerts.model import Frequency
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults, subscribe
from tests.support.outbox import queue_messages
from tests.support.samples import make_question

ADA = "ada@demo.example"
LEAVE = "leave@demo.example"
SECRET = b"of thirty-two bytes, all of them"


@given(number=st.integers(0, 10**18 - 1), other=st.integers(0, 10**18 - 1))
def test_a_return_path_tells_its_message_and_cannot_be_made_up(number: int, other: int) -> None:
    address = build_return_path("b@demo.example", number, SECRET)
    assert find_message_number(address, SECRET) == number
    assert find_message_number(address.upper(), SECRET) == number
    assert find_message_number(address, b"another") is None
    assert len(address.partition("@")[0]) <= 64  # RFC 5321 4.5.3.1.1
    if other != number:
        assert find_message_number(address.replace(f"+{number}.", f"+{other}."), SECRET) is None


def dsn(to: str, action: str = "failed", status: str = "5.1.1", code: str = "550 no") -> bytes:
    """A delivery status notification (RFC 3464), as a mail server writes it."""
    return f"""\
From: MAILER-DAEMON@mx.example\r
To: {to}\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
It did not work.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; somebody-else@mx.example\r
Action: {action}\r
Status: {status}\r
Diagnostic-Code: smtp; {code}\r
--b--\r
""".encode()


def complaint(message_id: str, kind: str = "abuse") -> bytes:
    """A report of a complaint (RFC 5965)."""
    return f"""\
From: feedback@mx.example\r
To: abuse@demo.example\r
Subject: complaint\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: {kind}\r
User-Agent: Filler/1\r
Version: 1\r
\r
--b\r
Content-Type: message/rfc822\r
\r
Message-ID: {message_id}\r
Subject: hello\r
\r
hello\r
--b--\r
""".encode()


AUTO_REPLY = b"""\
From: ada@demo.example\r
To: %s\r
Subject: Out of office\r
Auto-Submitted: auto-replied\r
\r
I am away.\r
"""


@pytest.mark.parametrize(
    ("action", "status", "said"),
    [
        ("failed", "5.1.1", "hard"),
        ("failed", "5.7.1", "hard"),
        ("failed", "5.2.2", "soft"),
        ("failed", "4.4.7", "soft"),
        ("delayed", "4.4.1", "nothing"),
        ("delivered", "2.0.0", "nothing"),
        ("relayed", "2.0.0", "nothing"),
    ],
)
def test_a_status_notification_is_read(action: str, status: str, said: str) -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET)
    report = read_report(dsn(to, action, status), SECRET, LEAVE)
    assert (report.kind, report.message_number) == (said, 7)


def test_an_answering_machine_says_nothing() -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET).encode()
    assert read_report(AUTO_REPLY % to, SECRET, LEAVE).kind == "nothing"


@given(st.binary(max_size=400))
def test_rubbish_says_nothing_and_harms_nothing(raw: bytes) -> None:
    assert read_report(raw, SECRET, LEAVE).message_number is None


def sent_digest(ledger: Ledger, now: datetime) -> tuple[EmailMessage, bytes]:
    """A digest to Ada, and the return path's secret."""
    head = MailIdentity("Watchword", "w@demo.example", LEAVE, "https://watch.example")
    with ledger.writing() as connection:
        wish = subscriptions.SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")
        subscribe(connection, ADA, wish, SubscriberDefaults("Europe/London", 7), now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), head), now)
    with ledger.writing() as connection:
        secret = secrets.get_or_create(connection, "return path")
        from alerts.ledger.messages import decompress_body

        raw = decompress_body(connection.execute(select(message.c.body)).scalar_one())
    return message_from_bytes(raw, policy=policy.default), secret


def test_a_bounce_is_counted_once_and_the_second_message_gives_up(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, ADA)
    queue_messages(ledger, now, ADA, key="q")
    with ledger.writing() as connection:
        secret = secrets.get_or_create(connection, "return path")
        first, second = (dsn(build_return_path("b@demo.example", n, secret)) for n in (1, 2))
        assert process_report(connection, first, LEAVE, now)[0] == "hard"
        assert process_report(connection, first, LEAVE, now)[0] == "known"
        assert bounces.list_suspended(connection) == []
        assert process_report(connection, second, LEAVE, now)[0] == "hard"
        assert [one.email for one in bounces.list_suspended(connection)] == [ADA]
        forged = dsn("b+1.aaaaaaaaaaaaaaaa@demo.example")
        assert process_report(connection, forged, LEAVE, now)[0] == "unknown"


def test_a_complaint_unsubscribes_and_is_remembered(ledger: Ledger, now: datetime) -> None:
    mail, _ = sent_digest(ledger, now)
    with ledger.writing() as connection:
        fine = complaint(str(mail["Message-ID"]), "not-spam")
        assert process_report(connection, fine, LEAVE, now)[0] == "nothing"
        raw = complaint(str(mail["Message-ID"]))
        assert process_report(connection, raw, LEAVE, now)[0] == "complaint"
        assert subscriptions.list_active(connection) == []
        known = bounces.find_suppression(connection, ADA)
        assert known is not None
        assert known.reason == "complaint"


def test_leaving_by_email(ledger: Ledger, now: datetime) -> None:
    mail, secret = sent_digest(ledger, now)
    mailto = str(mail["List-Unsubscribe"]).partition("mailto:")[2].partition(">")[0]
    address, _, subject = mailto.partition("?subject=")
    raw = f"From: {ADA}\r\nTo: {address}\r\nSubject: Re: {subject}\r\n\r\n".encode()
    assert read_report(raw, secret, LEAVE).token == subject
    with ledger.writing() as connection:
        assert process_report(connection, raw, LEAVE, now) == ("leave", ADA)
        assert process_report(connection, raw, LEAVE, now)[0] == "known"
        assert subscriptions.list_active(connection) == []


def test_soft_bounces_rest_longer_each_time_and_then_give_up(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA)
    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        for number in range(5):
            assert bounces.list_suspended(connection) == []
            moment = now + timedelta(days=number)
            apply_bounce(connection, person.id, "soft", f"report {number}", "full", moment)
        assert [one.reason for one in bounces.list_suspended(connection)] == ["bounces"]


def test_a_mailbox_that_rests_gets_everything_afterwards(ledger: Ledger, now: datetime) -> None:
    head = MailIdentity("Watchword", "w@demo.example", LEAVE)
    with ledger.writing() as connection:
        wish = subscriptions.SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")
        subscribe(connection, ADA, wish, SubscriberDefaults("Europe/London", 7), now)
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        apply_bounce(connection, person.id, "soft", "r", "full", now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    assert (
        compose_due_digests(ledger, DigestSettings(Templates(), head), now + timedelta(hours=23))
        == 0
    )
    assert (
        compose_due_digests(ledger, DigestSettings(Templates(), head), now + timedelta(hours=24))
        == 1
    )


def test_who_was_given_up_and_forgotten_is_known_on_return(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA)
    from alerts.ledger import personal_data

    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, ADA)
        assert person is not None
        for number in range(HARD_BOUNCE_LIMIT):
            apply_bounce(connection, person.id, "hard", f"r{number}", "550", now)
        personal_data.delete_subscriber(connection, person.id)
        assert bounces.list_suspended(connection) == []
        again = subscriptions.ensure_subscriber(connection, ADA, "Europe/London", 7, now)
        assert [one.email for one in bounces.list_suspended(connection)] == [ADA]
        assert bounces.remove_suppression(connection, again.email)
        assert not bounces.remove_suppression(connection, again.email)
        assert bounces.list_suspended(connection) == []


QMAIL = """\
From: MAILER-DAEMON@mx.example\r
To: {to}\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
This is a permanent error; I've given up. Sorry it didn't work out.\r
\r
<ada@demo.example>:\r
Sorry, no mailbox here by that name. (#5.1.1)\r
\r
--- Below this line is a copy of the message.\r
\r
Return-Path: <{to}>\r
"""


def test_servers_that_have_a_form_of_their_own_are_understood() -> None:
    to = build_return_path("bounces@demo.example", 7, SECRET)
    report = read_report(QMAIL.format(to=to).encode(), SECRET, LEAVE)
    assert (report.kind, report.message_number, report.detail) == ("hard", 7, "failure notice")
