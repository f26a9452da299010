"""A stored message whose bytes are damaged fails alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, literal, select, update

from alerts.delivery import ChannelTable, deliver_due
from alerts.delivery.channels import maildir
from alerts.ledger import Ledger, alarms, deliveries
from alerts.ledger.schema import message
from alerts.operator import update_mail_alarms
from tests.support.outbox import queue_messages, read_states

PEOPLE = [f"{name}@demo.example" for name in ("ada", "bo", "cy")]


@pytest.mark.parametrize("place", [0, 1, 2, 20, -1])
def test_it_fails_and_the_others_are_sent(
    ledger: Ledger, now: datetime, tmp_path: Path, place: int
) -> None:
    queue_messages(ledger, now, *PEOPLE)
    with ledger.writing() as connection:
        mine = message.c.recipient == PEOPLE[0]
        body = bytearray(connection.execute(select(message.c.body).where(mine)).scalar_one())
        body[place] ^= 0xFF
        connection.execute(update(message).where(mine).values(body=bytes(body)))
    channels = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, channels, lambda: now) == {"sent": 2, "failed": 1}
    phases = {who: phase for who, (phase, _) in read_states(ledger).items()}
    assert phases == dict(zip(PEOPLE, ["failed", "sent", "sent"], strict=True))
    with ledger.reading() as connection:
        [failed] = deliveries.list_newest(connection, "failed", None, 10)
    assert failed.detail == deliveries.UNREADABLE


@pytest.mark.parametrize("recipient", ["", " ", b"\xff\x00"])
def test_one_with_a_damaged_recipient_stops_no_other(
    ledger: Ledger, now: datetime, tmp_path: Path, recipient: object
) -> None:
    if isinstance(recipient, bytes) and ledger.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite stores bytes in a column of text")
    queue_messages(ledger, now, *PEOPLE)
    with ledger.writing() as connection:
        mine = message.c.recipient == PEOPLE[0]
        damaged = literal(recipient, type_=None if isinstance(recipient, str) else LargeBinary)
        connection.execute(update(message).where(mine).values(recipient=damaged))
    channels = ChannelTable((maildir.MaildirSettings(tmp_path / "mail"),))
    assert deliver_due(ledger, channels, lambda: now) == {"sent": 2}
    with ledger.writing() as connection:
        update_mail_alarms(connection, 0, None, now)
        [alarm] = alarms.list_open(connection)
        assert (alarm.kind, alarm.reason[-10:]) == ("damaged", "1 messages")
