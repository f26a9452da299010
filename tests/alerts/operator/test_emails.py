"""Emails to the operator about alarms: once when they are raised, once when they are cleared."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from sqlalchemy import select

from alerts.ledger import Ledger, alarms
from alerts.ledger.messages import decompress_body
from alerts.ledger.schema import message
from alerts.mail import MailIdentity, MessageContext
from alerts.operator import queue_operator_emails
from alerts.rendering import Templates
from tests.support.service import get_plain_text

IDENTITY = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
TEMPLATES = Templates()
OPERATORS = ["op@demo.example", "second@demo.example"]


def queue(ledger: Ledger, now: datetime) -> int:
    with ledger.writing() as connection:
        context = MessageContext(TEMPLATES, IDENTITY, now)
        return queue_operator_emails(connection, context, OPERATORS)


def raise_alarms(ledger: Ledger, now: datetime, source: str | None, **reasons: str) -> None:
    """Open the alarms with a reason, and clear the others."""
    with ledger.writing() as connection:
        alarms.update_open(connection, source, reasons, ("blocked", "queue"), now)


def read_emails(ledger: Ledger) -> list[EmailMessage]:
    with ledger.reading() as connection:
        wanted = message.c.recipient == OPERATORS[0]
        rows = connection.execute(select(message.c.body).where(wanted).order_by(message.c.id))
        bodies = [decompress_body(body) for body in rows.scalars()]
    return [message_from_bytes(body, policy=policy.default) for body in bodies]


def test_each_operator_is_sent_one_email_when_alarms_are_raised(
    ledger: Ledger, now: datetime
) -> None:
    raise_alarms(ledger, now, "london", blocked="403 Forbidden")
    raise_alarms(ledger, now, None, queue="messages have waited")
    assert queue(ledger, now) == 2
    assert queue(ledger, now + timedelta(hours=1)) == 0
    [email] = read_emails(ledger)
    assert email["Subject"].endswith(", and 1 more")
    text = get_plain_text(email)
    assert "LONDON: the source blocks us\n403 Forbidden\n" in text
    assert "THE SERVICE: messages are not being delivered\nmessages have waited\n" in text
    assert "No other alarm is open." in text
    assert email["List-Id"] is None


def test_each_operator_is_sent_one_email_when_alarms_are_cleared(
    ledger: Ledger, now: datetime
) -> None:
    raise_alarms(ledger, now, "london", blocked="403 Forbidden")
    raise_alarms(ledger, now, None, queue="messages have waited")
    queue(ledger, now)
    raise_alarms(ledger, now + timedelta(hours=2), "london")
    assert queue(ledger, now + timedelta(hours=2)) == 2
    email = read_emails(ledger)[1]
    assert email["Subject"] == "london: alarm cleared"
    text = get_plain_text(email)
    assert "CLEARED: london, the source blocks us\n" in text
    assert "Raised on 16 July 2026, 12:00 UTC, cleared on 16 July 2026, 14:00 UTC." in text
    assert "Still open: the service, messages are not being delivered since 16 July 2026" in text
