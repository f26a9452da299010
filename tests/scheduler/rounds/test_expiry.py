"""What is kept for a limited time is deleted to the end, some in each transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, insert, select

from alerts.ledger.schema import message, subscriber
from scheduler.config import parse_config
from scheduler.service import open_service
from scheduler.tasks import delete_expired_data
from tests.support.empty_ledger import place_empty_ledger

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=60)


def add_former(connection: Connection, people: int, messages: int) -> None:
    """Add subscribers who left, and messages to one of them who is the operator."""
    base = {"zone": "UTC", "hour": 7, "created_at": LONG_AGO}
    rows = [{"email": f"a{n}@demo.example", "token": f"t{n}", **base} for n in range(people)]
    connection.execute(insert(subscriber), rows)
    same = {"subscriber_id": 1, "recipient": "a0@demo.example", "subject": "s", "body": b"text"}
    same |= {"kind": "operator", "phase": "sent", "lane": 0, "attempts": 1}
    same |= {"due_at": LONG_AGO, "composed_at": LONG_AGO}
    texts = [{"key": f"k{n}", "message_id": f"<{n}@demo.example>", **same} for n in range(messages)]
    connection.execute(insert(message), texts)


@pytest.mark.slow
def test_all_of_it_is_deleted_and_no_transaction_takes_all(tmp_path: Path) -> None:
    place_empty_ledger(tmp_path / "ledger.sqlite3")
    config = f'[ledger]\nurl = "sqlite:///{tmp_path}/ledger.sqlite3"\n'
    service = open_service(parse_config(config, tmp_path, "config.toml", {}))
    with service.ledger.writing() as connection:
        add_former(connection, people=130, messages=2100)
    left: list[tuple[int, int]] = []

    def count(connection: Connection) -> None:
        people = connection.execute(select(func.count()).select_from(subscriber)).scalar_one()
        texts = select(func.count()).where(message.c.body != b"")
        left.append((people, connection.execute(texts).scalar_one()))

    event.listen(service.ledger.engine, "commit", count)
    delete_expired_data(service)
    event.remove(service.ledger.engine, "commit", count)
    assert left[-1] == (1, 0)  # the operator stays, and that something was sent
    assert {80, 30} <= {people for people, _ in left}
    assert {1100, 100} <= {texts for _, texts in left}
    service.memory.close()
    service.ledger.close()
