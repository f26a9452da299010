"""Transactions that make work say so, and wake workers when they are committed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, text

from alerts.ledger import Ledger


@dataclass
class Woken:
    """Notes what is announced, and whether that was in the transaction that writes."""

    names: list[str] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)

    def __call__(self, connection: Connection, names: Sequence[str]) -> None:
        self.names += names
        self.epochs.append(connection.execute(text("select epoch from writer")).scalar_one())


@pytest.mark.parametrize("is_shard", [False, True])
def test_work_is_announced_once_at_the_end_of_its_transaction(
    ledger: Ledger, is_shard: bool
) -> None:
    woken = Woken()
    announcing = ledger.announcing_by(woken)
    write = announcing.writing_shard if is_shard else announcing.writing
    with write() as connection:
        for name in ("publish", "match", "publish"):
            Ledger.announce(connection, name)
        connection.execute(text("update writer set epoch = 41"))
        assert not woken.names
    assert woken.names == ["match", "publish"]
    assert woken.epochs == [41]
    with announcing.writing():
        pass
    assert len(woken.epochs) == 1


def test_what_is_rolled_back_wakes_nobody(ledger: Ledger) -> None:
    woken = Woken()
    with suppress(ZeroDivisionError), ledger.announcing_by(woken).writing() as connection:
        Ledger.announce(connection, "match")
        raise ZeroDivisionError
    with ledger.reading() as connection:
        Ledger.announce(connection, "match")
    with ledger.writing() as connection:
        Ledger.announce(connection, "match")
    assert not woken.names
