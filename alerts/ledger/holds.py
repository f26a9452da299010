"""What the operator has put on hold: crawls of a source, deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from alerts.ledger.base import insert_once
from alerts.ledger.schema import halt

#: The delivering of emails.
DELIVERY = "deliver"


def crawl_of(source: str) -> str:
    """What a halt of a source's crawls is called."""
    return f"crawl {source}"


def standing(connection: Connection) -> dict[str, datetime]:
    """What is on hold, and since when."""
    rows = connection.execute(select(halt).order_by(halt.c.name))
    return {row.name: row.since for row in rows}


def put(connection: Connection, name: str, now: datetime) -> None:
    """Put something on hold."""
    insert_once(connection, halt, name=name, since=now)


def lift(connection: Connection, name: str) -> None:
    """Let it go on."""
    connection.execute(delete(halt).where(halt.c.name == name))
