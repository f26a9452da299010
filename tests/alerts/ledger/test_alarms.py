"""Alarms of several processes: one open row of a kind, and nothing written without a change."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from alerts.ledger import Ledger, alarms
from alerts.ledger.schema import alarm


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_two_processes_that_raise_an_alarm_raise_one(ledger: Ledger, now: datetime) -> None:
    def raise_it() -> None:
        with ledger.writing_shard() as connection:
            alarms.update_open(connection, None, {"queue": "second"}, ("queue",), now)

    other = threading.Thread(target=raise_it)
    with ledger.writing_shard() as connection:
        alarms.update_open(connection, None, {"queue": "first"}, ("queue",), now)
        other.start()
        other.join(0.2)
        assert other.is_alive()  # it has seen no alarm, and waits for what becomes of this one
    other.join()
    with ledger.reading() as connection:
        assert [one.reason for one in alarms.list_open(connection)] == ["first"]


def test_a_second_open_alarm_of_a_kind_cannot_be_stored(ledger: Ledger, now: datetime) -> None:
    row = {"kind": "queue", "reason": "why", "raised_at": now}
    with ledger.writing() as connection:
        connection.execute(insert(alarm).values(**row, cleared_at=now))
        connection.execute(insert(alarm).values(**row))
        connection.execute(insert(alarm).values(**row, source="london"))
    with pytest.raises(IntegrityError), ledger.writing() as connection:
        connection.execute(insert(alarm).values(**row))


def test_only_a_difference_would_be_written(ledger: Ledger, now: datetime) -> None:
    def would_write(reasons: dict[str, str]) -> bool:
        return ledger.would_write(
            lambda connection: alarms.update_open(connection, None, reasons, ("queue",), now)
        )

    assert not would_write({})
    assert would_write({"queue": "why"})
    with ledger.writing() as connection:
        assert not alarms.list_open(connection)
        alarms.update_open(connection, None, {"queue": "why"}, ("queue",), now)
    assert not would_write({"queue": "why"})
    assert would_write({"queue": "another reason"})
    assert would_write({})


def test_who_clears_an_alarm_first_says_when(ledger: Ledger, now: datetime) -> None:
    with ledger.writing() as connection:
        alarms.update_open(connection, None, {"queue": "why"}, (), now)
        for minutes in (1, 2):
            moment = now + timedelta(minutes=minutes)
            alarms.update_open(connection, None, {}, ("queue",), moment)
        cleared = connection.execute(select(alarm.c.cleared_at)).scalars().all()
    assert cleared == [now + timedelta(minutes=1)]
