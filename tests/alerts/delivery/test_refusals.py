"""Refusals that are about us: everything stays queued, and no subscriber is charged."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from datetime import datetime, timedelta
from functools import partial

import pytest

from alerts.bounces import apply_bounce, list_waiting, suspend_waiting
from alerts.delivery import ChannelRefused, ChannelTable, ChannelUnavailable, deliver_due
from alerts.delivery.channels import smtp
from alerts.ledger import Ledger, alarms, bounces, claims, deliveries, subscriptions
from alerts.ledger.bounces import Bounce
from alerts.operator import update_mail_alarms
from tests.support.outbox import queue_messages, read_states
from tests.support.smtp_server import SmtpServer, run_smtp_server

PEOPLE = [f"reader{n}@demo{n % 3}.example" for n in range(12)]
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with run_smtp_server() as running:
        yield running


def open_channel(server: SmtpServer, connections: int = 1) -> ChannelTable:
    return ChannelTable(
        (
            smtp.SmtpSettings(
                "127.0.0.1",
                server.port,
                "none",
                envelope_from="w@demo.example",
                timeout_seconds=5,
                connections=connections,
            ),
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize(
    "script",
    [
        {"RCPT": BLOCKED},
        {"RCPT": "550 5.7.26 unauthenticated, DMARC"},
        {"RCPT": "554 5.7.1 Relay access denied"},
        {"MAIL": "530 5.7.0 Authentication required"},
        {"MAIL": "550 5.7.1 sender rejected"},
        {"dot": "550 5.7.26 unauthenticated, DMARC"},
    ],
)
def test_a_server_that_refuses_us_costs_nobody_anything(
    ledger: Ledger, now: datetime, server: SmtpServer, script: dict[str, str], connections: int
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    server.script = script
    channel = open_channel(server, connections)
    for day in range(8):
        with pytest.raises(ChannelRefused):
            deliver_due(ledger, channel, partial(copy, now + timedelta(days=day)))
    assert read_states(ledger) == dict.fromkeys(PEOPLE, ("queued", 0))
    with ledger.reading() as connection:
        assert bounces.list_suspended(connection) == []
        assert bounces.list_newest(connection, 10) == []
    server.script = {}
    assert deliver_due(ledger, channel, lambda: now + timedelta(days=9)) == {"sent": 12}
    assert set(server.message_id_counts.values()) == {1}


def test_one_domain_that_refuses_us_does_not_stop_the_others(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    server.rcpt_replies = {who: BLOCKED for who in PEOPLE if who.endswith("@demo0.example")}
    outcomes = deliver_due(ledger, open_channel(server), lambda: now)
    assert outcomes == {"sent": 8, "refused": 4}
    with ledger.writing() as connection:
        update_mail_alarms(connection, 0, None, now, has_sent=True)
        assert "refused" in {alarm.kind for alarm in alarms.list_open(connection)}


@pytest.mark.slow
@pytest.mark.parametrize("connections", [1, 4])
def test_several_domains_that_refuse_us_do_not_stop_the_others(
    ledger: Ledger, now: datetime, server: SmtpServer, connections: int
) -> None:
    """As where one provider has many domains, whose people all have older messages."""
    refusing = [f"reader{n}@demo{n % 5}.example" for n in range(15)]
    others = [f"reader{n}@other{n}.example" for n in range(6)]
    queue_messages(ledger, now, *refusing, *others)
    server.rcpt_replies = dict.fromkeys(refusing, BLOCKED)
    for minute in range(6):
        with pytest.raises(ChannelRefused, match="because of us"):
            deliver_due(
                ledger,
                open_channel(server, connections),
                partial(copy, now + timedelta(minutes=minute)),
            )
    assert len(server.messages) == len(others)
    assert read_states(ledger) == {
        **dict.fromkeys(refusing, ("queued", 0)),
        **dict.fromkeys(others, ("sent", 1)),
    }


@pytest.mark.slow
def test_messages_that_are_put_off_for_hours_raise_an_alarm(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    server.script = {"RCPT": "451 4.3.0 come back later"}
    found = {}
    for hours in (0, 1, 5):
        later = now + timedelta(hours=hours)
        deliver_due(ledger, open_channel(server), partial(copy, later))
        with ledger.writing() as connection:
            update_mail_alarms(connection, 0, None, later)
            found[hours] = [(a.kind, a.reason) for a in alarms.list_open(connection)]
    assert found[0] == found[1] == []
    [(kind, reason)] = found[5]
    assert kind == "queue"
    assert reason.startswith("12 messages were put off for more than 4 h")
    assert "come back later" in reason


def test_one_full_mailbox_of_many_raises_no_alarm(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    server.rcpt_replies = {PEOPLE[0]: "452 4.2.2 full"}
    deliver_due(ledger, open_channel(server), partial(copy, now))
    with ledger.writing() as connection:
        update_mail_alarms(connection, 0, None, now + timedelta(hours=5))
        assert alarms.list_open(connection) == []


def test_size_refused_at_mail_is_about_the_message(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE[:2])
    server.script = {"MAIL": "552 5.3.4 too large"}
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"content_rejected": 2}


def test_a_second_doubt_holds_the_message_and_raises_an_alarm(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, PEOPLE[0])
    server.script = {"dot": "accept-drop"}
    for day in range(20):
        deliver_due(ledger, open_channel(server), partial(copy, now + timedelta(days=day)))
    assert len(server.messages) == 2
    assert read_states(ledger) == {PEOPLE[0]: ("in_doubt", 2)}
    with ledger.writing() as connection:
        update_mail_alarms(connection, 0, None, now)
        [alarm] = alarms.list_open(connection)
    assert alarm.kind == "in_doubt"
    assert "held: 1 <" in alarm.reason


def test_no_more_messages_are_risked_after_three_doubts_in_a_row(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    server.script = {"dot": "accept-drop"}
    with pytest.raises(ChannelUnavailable, match="3 messages in a row"):
        deliver_due(ledger, open_channel(server), lambda: now)
    assert len(server.messages) == 3
    assert sorted(read_states(ledger).values()) == [("handing_over", 1)] * 3 + [("queued", 0)] * 9


def test_a_message_at_which_the_process_is_killed_again_and_again_is_held(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, *PEOPLE[:2])
    for _ in range(5):
        with ledger.writing() as connection:  # as a kill leaves it
            claims.mark_handing_over(connection, [1])
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"held": 1, "sent": 1}
    assert read_states(ledger) == {PEOPLE[0]: ("in_doubt", 5), PEOPLE[1]: ("sent", 1)}


@pytest.mark.parametrize(
    "reply",
    [
        "452 4.5.3 too many messages",
        "421 4.7.0 too many",
        "451 4.7.1 no more in this session",
        "550 5.7.0 no more over this connection",
    ],
)
def test_a_used_connection_that_takes_no_more_is_replaced_at_once(
    ledger: Ledger, now: datetime, server: SmtpServer, reply: str
) -> None:
    queue_messages(ledger, now, *PEOPLE[:6])
    server.messages_per_connection, server.limit_reply = 2, reply
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"sent": 6}
    assert server.connections == 3
    assert {attempts for _, attempts in read_states(ledger).values()} == {1}


@pytest.mark.parametrize("reply", ["452 4.5.3 Too many recipients", "421 4.3.2 goodbye"])
def test_the_recipients_of_a_connection_may_be_limited_as_well(
    ledger: Ledger, now: datetime, server: SmtpServer, reply: str
) -> None:
    queue_messages(ledger, now, *PEOPLE[:6])
    server.messages_per_connection, server.limit_reply, server.limited = 2, reply, "RCPT"
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"sent": 6}
    assert {attempts for _, attempts in read_states(ledger).values()} == {1}


@pytest.mark.slow
def test_mass_suspensions_wait_for_approval(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, *PEOPLE)
    with ledger.writing() as connection:
        for who in PEOPLE:
            subscriber = subscriptions.find_subscriber_by_email(connection, who)
            assert subscriber is not None
            for number in range(2):
                bounce = Bounce("hard", 2 * subscriber.id + number, "550 5.1.1")
                apply_bounce(connection, subscriber.id, bounce, now)
        assert len(bounces.list_suspended(connection)) == 1  # of 12
        assert len(list_waiting(connection, now)) == 11
        update_mail_alarms(connection, 0, None, now)
        assert [alarm.kind for alarm in alarms.list_open(connection)] == ["suspensions"]
        assert suspend_waiting(connection, now) == 11
        assert len(bounces.list_suspended(connection)) == 12


def test_a_resumed_address_is_sent_what_it_missed(
    ledger: Ledger, now: datetime, server: SmtpServer
) -> None:
    queue_messages(ledger, now, PEOPLE[0])
    server.script = {"RCPT": "550 5.1.1 no such user"}
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"failed": 1}
    with ledger.writing() as connection:
        assert bounces.remove_suppression(connection, PEOPLE[0]) is False
        assert deliveries.requeue_unsent(connection, PEOPLE[0], now, now) == 1
    server.script = {}
    assert deliver_due(ledger, open_channel(server), lambda: now) == {"sent": 1}
