"""Claims of messages, and the limits that deliveries of several processes share."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, event, select, text, update

from alerts.delivery import ChannelRefused, ChannelTable, DeliveryPolicy, deliver_due
from alerts.delivery.channel_run import begin_run
from alerts.delivery.channels import smtp, webhook
from alerts.delivery.outbox import CLAIM_SIZE
from alerts.ledger import Ledger, claims, delivery_limits
from alerts.ledger.claims import DueFilter, LeasePeriods
from alerts.ledger.schema import message
from alerts.secret import Secret
from tests.support.outbox import queue_messages, read_states
from tests.support.smtp_server import run_smtp_server

ADA, BO = "ada@demo.example", "bo@demo.example"
HOOK = "https://hooks.example/me"
PERIODS = LeasePeriods()
WEBHOOK = webhook.WebhookSettings(Secret("whsec_" + "A" * 32))
SMTP = smtp.SmtpSettings("127.0.0.1", 1, "none", connections=3)


def is_for_email(now: datetime) -> DueFilter:
    return DueFilter(now, frozenset({"mailto"}))


def claim_all(connection: Connection, now: datetime, holder: str) -> list[int]:
    wanted = is_for_email(now)
    found = claims.lock_waiting(connection, wanted, 1, None, CLAIM_SIZE)
    found += claims.lock_abandoned(connection, wanted, CLAIM_SIZE)
    keys = [one.id for one in found]
    claims.claim(connection, keys, holder, PERIODS)
    return keys


def read_later(connection: Connection, period: timedelta) -> datetime:
    return delivery_limits.read_clock(connection) + period


@pytest.mark.parametrize(
    ("lease", "is_taken"),
    [
        (timedelta(minutes=1), False),
        (timedelta(seconds=-1), True),
        (timedelta(days=1), True),  # dated by a clock that was ahead
        (None, True),  # of a ledger from before the claims
    ],
)
def test_a_message_is_taken_over_when_its_lease_is_over(
    ledger: Ledger, now: datetime, lease: timedelta | None, is_taken: bool
) -> None:
    queue_messages(ledger, now, ADA)
    mine, theirs = claims.name_delivery(), claims.name_delivery()
    with ledger.writing() as connection:
        [key] = claim_all(connection, now, mine)
        assert claims.lock_held(connection, [key], mine)[key].claim_epoch == 1
        until = None if lease is None else read_later(connection, lease)
        holder = None if lease is None else mine
        connection.execute(update(message).values(lease_until=until, holder=holder))
        assert claims.has_due(connection, now) is is_taken
        assert claim_all(connection, now, theirs) == ([key] if is_taken else [])
        assert (key in claims.lock_held(connection, [key], mine)) is not is_taken
        assert (key in claims.lock_held(connection, [key], theirs)) is is_taken


def test_what_is_due_is_counted_no_further_than_asked(ledger: Ledger, now: datetime) -> None:
    """Queued messages, and those whose delivery has let its lease end."""
    queue_messages(ledger, now, *(f"a{number}@demo.example" for number in range(5)))
    with ledger.writing() as connection:
        [first, *_] = claim_all(connection, now, claims.name_delivery())[:2]
        assert claims.count_due_up_to(connection, now, 9) == 0
        connection.execute(
            update(message)
            .where(message.c.id == first)
            .values(lease_until=read_later(connection, -PERIODS.sending))
        )
        connection.execute(update(message).where(message.c.id != first).values(phase="queued"))
        assert [claims.count_due_up_to(connection, now, most) for most in (2, 4, 5, 9)] == [
            2,
            4,
            5,
            5,
        ]
        assert claims.count_due_up_to(connection, now - timedelta(hours=1), 9) == 0


def test_what_is_renewed_stays_and_what_is_released_is_free(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA, BO)
    mine = claims.name_delivery()
    with ledger.writing() as connection:
        [first, second] = claim_all(connection, now, mine)
        claims.mark_handing_over(connection, [second], PERIODS)
        connection.execute(
            update(message).values(lease_until=read_later(connection, -PERIODS.sending))
        )
        claims.renew(connection, mine, PERIODS)
        assert claim_all(connection, now, claims.name_delivery()) == []
        claims.release(connection, mine)
        assert claim_all(connection, now, claims.name_delivery()) == [first]
        assert second in claims.lock_held(connection, [second], mine)


def test_licences_are_never_more_than_the_connections(ledger: Ledger) -> None:
    with begin_run(ledger, SMTP, 2, PERIODS) as first:
        with (
            begin_run(ledger, SMTP, 2, PERIODS) as second,
            begin_run(ledger, SMTP, 2, PERIODS, timeout=0) as third,
        ):
            assert [run.connections for run in (first, second, third)] == [2, 1, 0]
        with begin_run(ledger, WEBHOOK, 1, PERIODS) as other:
            assert other.connections == 1
        with ledger.writing() as connection:
            connection.execute(text("update channel_licence set lease_until = '2020-01-01'"))
        with begin_run(ledger, SMTP, 9, PERIODS) as heir:
            assert heir.connections == 3


def test_turns_follow_each_other(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        waits = [delivery_limits.take_turn(connection, "smtp", 10.0) for _ in range(3)]
        assert [round(wait / 10) for wait in waits] == [0, 1, 2]
        assert delivery_limits.take_turn(connection, "webhook", 10.0) == pytest.approx(0, abs=1)
        connection.execute(text("update channel_state set next_turn = next_turn + 1e7"))
        assert delivery_limits.take_turn(connection, "smtp", 10.0) == pytest.approx(0, abs=1)


def test_a_channel_that_another_process_has_shut_is_left_alone(
    ledger: Ledger, now: datetime
) -> None:
    queue_messages(ledger, now, ADA)
    place, _, _ = claims.name_delivery().partition(" pid ")
    other = f"{place}, elsewhere, delivery 1"
    why = delivery_limits.ShutChannel("554 5.7.1 blocked", is_refusal=True)
    with run_smtp_server() as server:
        channels = ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, "none"),))
        for period in (timedelta(minutes=1), timedelta(seconds=-1)):
            with ledger.writing() as connection:
                delivery_limits.shut(connection, "smtp", why, other, period)
            if period > timedelta():
                with pytest.raises(ChannelRefused, match="blocked"):
                    deliver_due(ledger, channels, lambda: now)
                assert read_states(ledger) == {ADA: ("queued", 0)}
        assert deliver_due(ledger, channels, lambda: now) == {"sent": 1}


def test_a_last_byte_that_would_be_late_is_not_sent(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA)
    periods = LeasePeriods(last_byte=timedelta(0))
    with run_smtp_server() as server:
        channels = ChannelTable((smtp.SmtpSettings("127.0.0.1", server.port, "none"),))
        assert deliver_due(ledger, channels, lambda: now, DeliveryPolicy(periods=periods)) == {}
        assert server.messages == []
        assert read_states(ledger) == {ADA: ("queued", 0)}


def test_a_delivery_with_nothing_due_only_reads(ledger: Ledger, now: datetime) -> None:
    """Also when messages wait for later, or for a channel that is not configured."""
    queue_messages(ledger, now, HOOK)
    queue_messages(ledger, now + timedelta(hours=1), ADA)
    said: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    assert deliver_due(ledger, ChannelTable((SMTP,)), lambda: now) == {}
    assert said
    assert not [statement for statement in said if statement.split()[0] not in {"SELECT", "BEGIN"}]


def test_each_channel_finds_the_messages_that_it_carries(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, ADA, HOOK, "ntfy://topic")
    channels = ChannelTable((SMTP, WEBHOOK))
    with ledger.reading() as connection:
        for channel, recipient in zip(channels.channels, (ADA, HOOK), strict=True):
            found = claims.list_ends(connection, channels.find_due(channel, now), 1, 9, 9)
            assert [one.recipient for one in found] == [recipient]


def test_digests_of_the_newest_are_looked_at_too(ledger: Ledger, now: datetime) -> None:
    queue_messages(ledger, now, *(f"p{n}@demo.example" for n in range(5)))
    with ledger.reading() as connection:
        ends = claims.list_ends(connection, is_for_email(now), 1, 2, 2)
        every = connection.execute(select(message.c.id).order_by(message.c.id)).scalars().all()
    assert [one.id for one in ends] == [every[n] for n in (0, 1, 3, 4)]


def test_a_message_that_is_queued_wakes_a_delivery(ledger: Ledger, now: datetime) -> None:
    woken: list[str] = []
    queue_messages(ledger.announcing_by(lambda _, tasks: woken.extend(tasks)), now, ADA)
    assert "deliver" in woken
