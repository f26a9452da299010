"""Many messages at once: connections, order, rate, daily limit, and unsubscribing meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.bounces import find_message_number
from alerts.delivery import ChannelTable, ChannelUnavailable, DeliveryPolicy, deliver_due
from alerts.delivery.channels import smtp
from alerts.delivery.mta_log import was_accepted
from alerts.ledger import Ledger, bounces, claims, deliveries, subscriptions
from tests.support.outbox import queue_messages, read_states
from tests.support.smtp_server import SmtpServer, run_smtp_server

ADA = "ada@demo.example"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


def by_smtp(server: SmtpServer, **settings: object) -> ChannelTable:
    values = {"security": "none", "envelope_from": "w@demo.example", "timeout_seconds": 5}
    return ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, **values | settings),))  # type: ignore[arg-type]


def people(number: int) -> list[str]:
    return [f"p{n}@demo.example" for n in range(number)]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.slow
def test_many_messages_use_few_connections_and_are_sent_once(
    ledger: Ledger, now: datetime, server: SmtpServer, pipelining: bool
) -> None:
    server.offers_pipelining = pipelining
    queue_messages(ledger, now, *people(150))
    assert deliver_due(ledger, by_smtp(server, connections=4), lambda: now) == {"sent": 150}
    assert 2 <= server.connections <= 4
    assert sorted(server.message_id_counts.values()) == [1] * 150
    assert deliver_due(ledger, by_smtp(server), lambda: now) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("connections", "sharers", "most"), [(4, 2, 2), (5, 2, 3), (2, 9, 1)])
def test_a_process_leaves_the_others_their_part_of_the_connections(
    ledger: Ledger, now: datetime, server: SmtpServer, connections: int, sharers: int, most: int
) -> None:
    queue_messages(ledger, now, *people(20))
    channels, policy = by_smtp(server, connections=connections), DeliveryPolicy(sharers=sharers)
    assert deliver_due(ledger, channels, lambda: now, policy) == {"sent": 20}
    assert server.connections <= most


@pytest.mark.slow
def test_one_bad_recipient_among_many_with_pipelining(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    server.offers_pipelining = True
    queue_messages(ledger, now, *people(20))
    server.rcpt_replies = {"p3@demo.example": "550 unknown", "p4@demo.example": "450 later"}
    done = deliver_due(ledger, by_smtp(server), lambda: now)
    assert done == {"sent": 18, "failed": 1, "retry": 1}
    assert "p3@demo.example" not in {str(mail["To"]) for mail in server.parsed_messages}


def test_confirmation_emails_are_sent_before_digests(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *people(5))
    queue_messages(ledger, now, ADA, kind="confirmation", key="confirm x")
    deliver_due(ledger, by_smtp(server, connections=1), lambda: now)
    assert str(server.parsed_messages[0]["To"]) == ADA


def test_the_daily_limit_holds_digests_back_and_no_other_message(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *people(5))
    queue_messages(ledger, now, ADA, kind="operator", key="alarms 1")
    policy = DeliveryPolicy(per_day=3)
    done = deliver_due(ledger, by_smtp(server), lambda: now, policy)
    assert done == {"sent": 4, "over_limit": 2}
    later = now + timedelta(hours=23)
    assert deliver_due(ledger, by_smtp(server), lambda: later, policy) == {"over_limit": 2}
    later = now + timedelta(hours=25)
    assert deliver_due(ledger, by_smtp(server), lambda: later, policy) == {"sent": 2}


@pytest.mark.slow
def test_messages_are_evenly_spaced(ledger: Ledger, now: datetime, server: SmtpServer) -> None:
    queue_messages(ledger, now, *people(9))
    began = time.monotonic()
    deliver_due(ledger, by_smtp(server), lambda: now, DeliveryPolicy(per_second=20))
    assert time.monotonic() - began >= 8 / 20


def test_unsubscribing_before_the_dot_cancels_the_message(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    """All of the message but its last byte has been sent."""
    queue_messages(ledger, now, ADA)

    def leave() -> None:
        with ledger.writing() as connection:
            person = subscriptions.find_subscriber_by_email(connection, ADA)
            assert person is not None
            subscriptions.unsubscribe(connection, person.id, now)

    server.on_data = leave
    assert deliver_due(ledger, by_smtp(server), lambda: now) == {"dropped": 1}
    assert server.messages == []
    assert read_states(ledger) == {ADA: ("dropped", 0)}


@pytest.mark.slow
def test_a_refused_connection_leaves_the_work_to_the_others(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    server.max_connections = 2
    queue_messages(ledger, now, *people(40))
    sent = 0
    for _ in range(10):  # what a refused connection was to send waits for the next round
        sent += deliver_due(ledger, by_smtp(server, connections=4), lambda: now)["sent"]
        if sent == 40:
            break
        time.sleep(0.1)
    assert sent == 40
    assert sorted(server.message_id_counts.values()) == [1] * 40


@pytest.mark.slow
def test_a_server_that_was_away_gets_everything_later(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *people(30))
    server.script = {"banner": "421 come back later"}
    with pytest.raises(ChannelUnavailable):
        deliver_due(ledger, by_smtp(server), lambda: now)
    assert {attempts for _, attempts in read_states(ledger).values()} == {0}
    server.script = {}
    assert deliver_due(ledger, by_smtp(server), lambda: now) == {"sent": 30}


def test_each_message_has_its_own_return_path(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *people(3))
    policy = DeliveryPolicy(return_address="bounces@demo.example")
    deliver_due(ledger, by_smtp(server), lambda: now, policy)
    assert len(set(server.senders)) == 3
    for sender in server.senders:
        assert re.fullmatch(r"bounces\+\d+\.[a-z2-7]{16}@demo\.example", sender)
        assert find_message_number(sender, b"another secret") is None


def test_a_mailbox_that_rejects_two_messages_is_suspended(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    server.rcpt_replies = {ADA: "550 5.1.1 no such user"}
    queue_messages(ledger, now, ADA)
    queue_messages(ledger, now, ADA, key="q")
    assert deliver_due(ledger, by_smtp(server, connections=1), lambda: now)["failed"] == 2
    with ledger.reading() as connection:
        [one] = bounces.list_suspended(connection)
    assert (one.email, one.reason) == (ADA, "bounces")
    assert one.detail == "550 5.1.1 no such user"
    queue_messages(ledger, now, ADA, key="r")
    server.rcpt_replies = {}
    assert deliver_due(ledger, by_smtp(server), lambda: now) == {"dropped": 1}
    assert server.messages == []


def test_rejected_content_suspends_no_mailbox(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *people(5))
    server.script = {"dot": "554 5.7.1 looks like spam"}
    assert deliver_due(ledger, by_smtp(server), lambda: now) == {"content_rejected": 5}
    with ledger.reading() as connection:
        assert bounces.list_suspended(connection) == []
        assert (
            deliveries.count_outcomes_since(connection, "content_rejected", now - timedelta(1)) == 5
        )


POSTFIX = """\
Nov 23 10:00:01 host postfix/smtpd[812]: 4Xyz12: client=localhost[127.0.0.1]
Nov 23 10:00:01 host postfix/cleanup[815]: 4Xyz12: message-id=<p.ada@demo.example>
{queued}
"""
QUEUED = (
    "Nov 23 10:00:01 host postfix/qmgr[700]: 4Xyz12: from=<w@demo.example>, size=9 (queue active)"
)
EXIM = """\
2026-11-23 10:00:01 1abc-0000-XY <= w@demo.example H=localhost P=esmtp S=99 id=p.ada@demo.example
"""


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (POSTFIX.format(queued=QUEUED), True),
        (POSTFIX.format(queued="postfix/smtpd[812]: lost connection after DATA"), False),
        (POSTFIX.format(queued=QUEUED.replace("4Xyz12", "4Xyz13")), False),
        (EXIM, True),
        (EXIM.replace("p.ada", "p.adam"), False),
        ("", False),
    ],
)
def test_the_mail_servers_log_says_what_was_accepted(
    tmp_path: Path, text: str, taken: bool
) -> None:
    log = tmp_path / "mail.log"
    log.write_text(text)
    assert was_accepted(log, "<p.ada@demo.example>") is taken
    assert not was_accepted(tmp_path / "missing.log", "<p.ada@demo.example>")


@pytest.mark.parametrize("taken", [True, False])
def test_the_log_is_read_before_a_message_in_doubt_is_sent_again(
    ledger: Ledger, now: datetime, server: SmtpServer, tmp_path: Path, taken: bool
) -> None:
    queue_messages(ledger, now, ADA)
    server.script = {"dot": "accept-drop"}
    log = tmp_path / "mail.log"
    log.write_text(EXIM if taken else "")
    channels = by_smtp(server, log=log)
    deliver_due(ledger, channels, lambda: now)
    server.script = {}
    later = now + timedelta(hours=1)
    assert deliver_due(ledger, channels, lambda: later, DeliveryPolicy("resend")) == {"sent": 1}
    assert len(server.messages) == (1 if taken else 2)
    assert read_states(ledger)[ADA][0] == "sent"


def test_the_oldest_queued_message(ledger: Ledger, now: datetime, server: SmtpServer) -> None:
    queue_messages(ledger, now, ADA)
    with ledger.reading() as connection:
        assert deliveries.find_oldest_queued(connection, now) == now
        for recipient, number in {None: 1, ADA: 1, "x@demo.example": 0}.items():
            wanted = by_smtp(server).find_due(by_smtp(server).channels[0], now, recipient)
            assert claims.count_due(connection, wanted) == number
    deliver_due(ledger, by_smtp(server), lambda: now)
    with ledger.reading() as connection:
        assert deliveries.find_oldest_queued(connection, now) is None
