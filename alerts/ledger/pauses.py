"""What the operator has put on hold: crawls of a source, deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from alerts.ledger.base import insert_once
from alerts.ledger.schema import pause

#: The delivering of emails.
DELIVERY = "deliver"


def name_crawl_pause(source: str) -> str:
    """What a halt of a source's crawls is called."""
    return f"crawl {source}"


def list_pauses(connection: Connection) -> dict[str, datetime]:
    """What is on hold, and since when."""
    rows = connection.execute(select(pause).order_by(pause.c.name))
    return {row.name: row.since for row in rows}


def add_pause(connection: Connection, name: str, now: datetime) -> None:
    """Put something on hold."""
    insert_once(connection, pause, name=name, since=now)


def remove_pause(connection: Connection, name: str) -> None:
    """Let it go on."""
    connection.execute(delete(pause).where(pause.c.name == name))
