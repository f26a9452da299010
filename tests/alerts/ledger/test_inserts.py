"""Many rows whose key may exist already, in few statements."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, select

from alerts.ledger import Ledger
from alerts.ledger.inserts import insert_pairs_once

PAIR = Table(
    "pair",
    MetaData(),
    Column("first", Integer, primary_key=True),
    Column("second", Integer, primary_key=True),
)
PAIRS = [(n % 9, n // 9 - 100) for n in range(45_000)]


@pytest.mark.slow
def test_each_pair_is_inserted_once_in_a_statement_for_many(ledger: Ledger) -> None:
    statements: list[str] = []
    event.listen(
        ledger.engine, "before_cursor_execute", lambda _c, _u, said, *_: statements.append(said)
    )
    with ledger.writing() as connection:
        PAIR.create(connection)
        insert_pairs_once(connection, PAIR, PAIRS[:10])
        insert_pairs_once(connection, PAIR, [*reversed(PAIRS), *PAIRS[:5]])
        insert_pairs_once(connection, PAIR, [])
        found = connection.execute(select(PAIR).order_by(PAIR.c.second, PAIR.c.first)).all()
    assert [tuple(row) for row in found] == PAIRS
    assert sum(said.startswith("INSERT") for said in statements) == 4
