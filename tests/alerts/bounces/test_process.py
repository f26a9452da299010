"""Emails that come back: attributed to the message that they are about, and applied once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import Connection, select

from alerts.bounces import process_report
from alerts.bounces.parse import read_report
from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, alarms, notices, open_ledger, subscriptions
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.mail import MailIdentity, MessageContext
from alerts.matching import TopicMatcher
from alerts.model import Frequency, MessageKind
from alerts.operator import queue_operator_emails
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.subscribers import (
    SubscriberDefaults,
    request_confirmation,
    send_manage_link,
    subscribe,
)
from tests.support.bounce_reports import build_dsn
from tests.support.samples import make_question
from tests.support.service import ServiceFolder

ADA = "ada@demo.example"
UNSUBSCRIBE = "leave@demo.example"
IDENTITY = MailIdentity("Watchword", "w@demo.example", UNSUBSCRIBE, "https://watch.example")
DEFAULTS = SubscriberDefaults("Europe/London", 7)
REQUEST = SubscriptionRequest("VRU", Frequency.IMMEDIATE, "all", "command")


def compose_digest(ledger: Ledger, now: datetime) -> EmailMessage:
    """Return a digest email to Ada from the outbox."""
    with ledger.writing() as connection:
        subscribe(connection, ADA, REQUEST, DEFAULTS, now)
        record_readings(
            connection, [QuestionReading(make_question(1, words="VRU."))], now, RecordingRules()
        )
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now)
    with ledger.reading() as connection:
        body = decompress_body(connection.execute(select(message.c.body)).scalar_one())
    return message_from_bytes(body, policy=policy.default)


def test_an_email_to_the_unsubscribe_address_unsubscribes(ledger: Ledger, now: datetime) -> None:
    header = str(compose_digest(ledger, now)["List-Unsubscribe"])
    address, _, token = header.partition("mailto:")[2].partition(">")[0].partition("?subject=")
    raw = f"From: {ADA}\r\nTo: {address}\r\nSubject: Re: {token}\r\n\r\n".encode()
    assert read_report(raw, b"any secret", UNSUBSCRIBE).token == token
    assert process_report(ledger, raw, UNSUBSCRIBE, now) == ("unsubscribe", ADA)
    assert process_report(ledger, raw, UNSUBSCRIBE, now)[0] == "duplicate"
    with ledger.reading() as connection:
        assert subscriptions.list_active(connection) == []


def _queue_digest(connection: Connection, context: MessageContext, address: str) -> None:
    subscribe(connection, address, REQUEST, DEFAULTS, context.now)
    reading = QuestionReading(make_question(1, words="VRU."))
    record_readings(connection, [reading], context.now, RecordingRules())


def _queue_notice(connection: Connection, context: MessageContext, address: str) -> None:
    subscribe(connection, address, REQUEST, DEFAULTS, context.now)
    since, later = context.now - timedelta(hours=37), context.now + timedelta(minutes=1)
    notices.add(connection, "london", "www.london.gov.uk", "unavailable", since, later)


def _queue_confirmation(connection: Connection, context: MessageContext, address: str) -> None:
    request_confirmation(connection, context, address, REQUEST, DEFAULTS)


def _queue_manage_link(connection: Connection, context: MessageContext, address: str) -> None:
    subscribe(connection, address, REQUEST, DEFAULTS, context.now)
    assert send_manage_link(connection, context, address)


def _queue_operator(connection: Connection, context: MessageContext, address: str) -> None:
    alarms.update_open(connection, "london", {"blocked": "403"}, ("blocked",), context.now)
    assert queue_operator_emails(connection, context, [address])


QUEUE: Mapping[MessageKind, Callable[[Connection, MessageContext, str], None]] = {
    "digest": _queue_digest,
    "notice": _queue_notice,
    "confirmation": _queue_confirmation,
    "manage_link": _queue_manage_link,
    "operator": _queue_operator,
}


def test_every_kind_of_message_is_queued_by_a_test() -> None:
    assert set(QUEUE) == set(get_args(MessageKind))


@pytest.mark.process
@pytest.mark.parametrize("kind", QUEUE)
def test_a_bounce_of_every_kind_of_message_is_recognised(
    tmp_path: Path, now: datetime, kind: MessageKind
) -> None:
    """Through the command, with a report whose return path was lost and that quotes our header."""
    service = ServiceFolder(tmp_path, '[sources.london]\nurl = "http://127.0.0.1:1"\n')
    (tmp_path / "var").mkdir(exist_ok=True)
    ledger = open_ledger(f"sqlite:///{tmp_path}/var/ledger.sqlite3")
    context = MessageContext(Templates(), IDENTITY, now)
    with ledger.writing() as connection:
        QUEUE[kind](connection, context, ADA)
    TopicMatcher(ledger).match_new_changes()
    compose_due_digests(ledger, DigestSettings(Templates(), IDENTITY), now + timedelta(minutes=2))
    with ledger.reading() as connection:
        columns = select(message.c.kind, message.c.message_id)
        [(found, message_id)] = connection.execute(columns.where(message.c.recipient == ADA))
    assert found == kind
    report = tmp_path / "report.eml"
    report.write_bytes(build_dsn("bounces@demo.example", message_id=message_id))
    assert service.run_json("bounces", str(report), "--json") == {"hard": 1}
