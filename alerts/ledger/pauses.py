"""What the operator has put on hold: crawls of a source, deliveries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from alerts.ledger.schema import pause

#: The delivering of emails.
DELIVERY = "delivery"


def name_crawl_pause(source: str) -> str:
    """What a halt of a source's crawls is called."""
    return f"crawl {source}"


def list_pauses(connection: Connection) -> dict[str, datetime]:
    """What is on hold, and since when."""
    rows = connection.execute(select(pause).order_by(pause.c.activity, pause.c.source))
    return {name_crawl_pause(row.source) if row.source else DELIVERY: row.since for row in rows}


def add_pause(connection: Connection, name: str, now: datetime) -> None:
    """Put something on hold."""
    if name not in list_pauses(connection):
        activity, _, source = name.partition(" ")
        connection.execute(
            insert(pause).values(activity=activity, source=source or None, since=now)
        )


def remove_pause(connection: Connection, name: str) -> None:
    """Let it go on."""
    activity, _, source = name.partition(" ")
    of = pause.c.source == source if source else pause.c.source.is_(None)
    connection.execute(delete(pause).where(pause.c.activity == activity, of))
