"""The same ledger with connections of its own, on both databases."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerts.ledger import Ledger, LedgerError, LedgerUnavailable


def test_readers_cannot_write_and_neither_waits_for_the_other(ledger: Ledger) -> None:
    pages = ledger.open_beside(readers=2, writers=1)
    with ExitStack() as in_use:
        for _ in range(2):
            in_use.enter_context(pages.reading())
        with ledger.writing() as connection:
            connection.execute(text("DELETE FROM notice"))
        with pages.writing() as connection:
            connection.execute(text("DELETE FROM notice"))
    refused = (DBAPIError, LedgerError, LedgerUnavailable)
    with pytest.raises(refused, match=r"read.?only"), pages.reading() as connection:
        connection.execute(text("DELETE FROM notice"))
    with pages.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar() == 0
    pages.close()
