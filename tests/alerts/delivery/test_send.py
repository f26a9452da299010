"""From outbox to inbox, with a real SMTP server that fails on demand, and with a Maildir."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.delivery import ChannelTable, ChannelUnavailable, DeliveryPolicy, deliver_due
from alerts.delivery.channels import maildir, smtp
from alerts.ledger import Ledger, messages, subscriptions
from alerts.ledger.delivery_schema import delivery_attempt
from tests.support.outbox import queue_messages, read_states
from tests.support.smtp_server import SmtpServer, run_smtp_server


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


@pytest.fixture
def channel(server: SmtpServer) -> ChannelTable:
    settings = smtp.SmtpSettings(
        "127.0.0.1", server.port, "none", envelope_from="w@demo.example", timeout_seconds=5
    )
    return ChannelTable((settings,))


def test_a_message_is_sent_once_and_unchanged(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example", "ben@demo.example")
    assert deliver_due(ledger, channel, lambda: now) == {"sent": 2}
    assert deliver_due(ledger, channel, lambda: now + timedelta(days=1)) == {}
    assert server.message_id_counts == {"<p.ada@demo.example>": 1, "<p.ben@demo.example>": 1}
    assert b"\r\n.hidden dot\r\n" in server.messages[0]
    assert server.connections <= 2


@pytest.mark.parametrize(
    ("script", "outcome", "phase", "kept"),
    [
        ({"MAIL": "452 full"}, "retry", "queued", 0),
        ({"RCPT": "450 greylisted"}, "retry", "queued", 0),
        ({"RCPT": "421 closing"}, "retry", "queued", 0),
        ({"RCPT": "550 no such user"}, "failed", "failed", 0),
        ({"RCPT": "552 5.2.2 mailbox full"}, "retry", "queued", 0),
        ({"dot": "552 mailbox full"}, "retry", "queued", 0),
        ({"dot": "552 5.3.4 message too large"}, "content_rejected", "failed", 0),
        ({"DATA": "554 no"}, "content_rejected", "failed", 0),
        ({"dot": "451 later"}, "retry", "queued", 0),
        ({"dot": "550 content refused"}, "content_rejected", "failed", 0),
        ({"DATA": "drop"}, "retry", "queued", 0),
        ({"body": "drop"}, "retry", "queued", 0),
        ({"dot": "drop"}, "in_doubt", "handing_over", 0),
        ({"dot": "accept-drop"}, "in_doubt", "handing_over", 1),
        ({"dot": "garbage"}, "in_doubt", "handing_over", 0),
    ],
)
def test_each_fault_has_its_outcome(
    ledger: Ledger,
    now: datetime,
    server: SmtpServer,
    channel: ChannelTable,
    script: dict[str, str],
    outcome: str,
    phase: str,
    kept: int,
) -> None:
    lines = 1_000_000 if "body" in script else 1  # more than the network buffers
    queue_messages(ledger, now, "ada@demo.example", lines=lines)
    server.script = script
    assert deliver_due(ledger, channel, lambda: now) == {outcome: 1}
    assert read_states(ledger) == {"ada@demo.example": (phase, 1)}
    assert len(server.messages) == kept
    with ledger.reading() as connection:
        noted = connection.execute(
            select(delivery_attempt.c.outcome, delivery_attempt.c.detail)
        ).one()
    assert noted.outcome == outcome
    assert noted.detail


def test_a_greylisted_message_is_tried_again_after_five_minutes(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    server.script = {"RCPT": "450 greylisted"}
    deliver_due(ledger, channel, lambda: now)
    server.script = {}
    assert deliver_due(ledger, channel, lambda: now + timedelta(minutes=4)) == {}
    assert deliver_due(ledger, channel, lambda: now + timedelta(minutes=5)) == {"sent": 1}
    assert read_states(ledger) == {"ada@demo.example": ("sent", 2)}


def test_a_message_fails_after_five_days(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    server.script = {"RCPT": "450 greylisted"}
    moments = [now + timedelta(days=day) for day in range(6)]
    outcomes = [deliver_due(ledger, channel, partial(copy, moment)) for moment in moments]
    assert outcomes == [{"retry": 1}] * 5 + [{"failed": 1}]


def test_a_message_in_doubt_is_sent_again_with_the_same_bytes(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    server.script = {"dot": "accept-drop"}
    deliver_due(ledger, channel, lambda: now)
    server.script = {}
    later = now + timedelta(hours=1)
    assert deliver_due(ledger, channel, lambda: later, DeliveryPolicy("resend")) == {"sent": 1}
    assert server.messages[0] == server.messages[1]


def test_a_message_in_doubt_can_be_held(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    server.script = {"dot": "accept-drop"}
    deliver_due(ledger, channel, lambda: now)
    server.script = {}
    later = now + timedelta(hours=1)
    assert deliver_due(ledger, channel, lambda: later, DeliveryPolicy("hold")) == {"held": 1}
    assert server.message_id_counts == {"<p.ada@demo.example>": 1}


def test_one_bad_recipient_does_not_stop_the_others(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example", "bad@demo.example", "cy@demo.example")
    server.rcpt_replies = {"bad@demo.example": "550 unknown"}
    assert deliver_due(ledger, channel, lambda: now) == {"sent": 2, "failed": 1}


@pytest.mark.parametrize("banner", ["554 go away", "drop"])
def test_an_unavailable_server_counts_as_no_attempt(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable, banner: str
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    server.script = {"banner": banner}
    with pytest.raises(ChannelUnavailable, match="cannot be reached"):
        deliver_due(ledger, channel, lambda: now)
    assert read_states(ledger) == {"ada@demo.example": ("queued", 0)}
    server.script = {}
    assert deliver_due(ledger, channel, lambda: now) == {"sent": 1}


def test_a_server_without_starttls_is_not_used_unencrypted(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    with pytest.raises(ChannelUnavailable, match="does not offer"):
        deliver_due(
            ledger, ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port),)), lambda: now
        )
    assert server.messages == []


def test_a_message_is_dropped_when_its_subscriber_has_unsubscribed(
    ledger: Ledger, now: datetime, server: SmtpServer, channel: ChannelTable
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    with ledger.writing() as connection:
        person = subscriptions.find_subscriber_by_email(connection, "ada@demo.example")
        assert person is not None
        assert subscriptions.unsubscribe(connection, person.id, now) == 1
    assert deliver_due(ledger, channel, lambda: now) == {"dropped": 1}
    assert server.messages == []


def test_a_maildir_holds_a_message_once(ledger: Ledger, now: datetime, tmp_path: Path) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    box = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, box, lambda: now) == {"sent": 1}
    [file] = (tmp_path / "mail" / "new").iterdir()
    assert b"\r" not in file.read_bytes()
    # Killed after the move and before the commit; its owner has read the message meanwhile.
    file.rename(tmp_path / "mail" / "cur" / f"{file.name}:2,S")
    with ledger.writing() as connection:
        messages.set_phase(connection, [1], "handing_over")
    assert deliver_due(ledger, box, lambda: now) == {"sent": 1}
    assert list((tmp_path / "mail" / "new").iterdir()) == []


def test_a_maildir_that_cannot_be_made_is_one_clear_error(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    queue_messages(ledger, now, "ada@demo.example")
    (tmp_path / "file").write_text("")
    with pytest.raises(ChannelUnavailable, match="cannot be made"):
        deliver_due(
            ledger,
            ChannelTable((maildir.MaildirSettings(tmp_path / "file" / "mail"),)),
            lambda: now,
        )
    assert read_states(ledger) == {"ada@demo.example": ("queued", 0)}
