"""Pages that the server keeps to itself while it serves others: not published, never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from alerts.ledger.base import insert_once
from alerts.ledger.schema import refused_page


def record_refusal(
    connection: Connection, identity: str, source: str, url: str, status: int, now: datetime
) -> None:
    """Note that a page was refused; the first such moment is kept."""
    insert_once(
        connection,
        refused_page,
        identity=identity,
        source=source,
        url=url,
        status=status,
        first_refused_at=now,
        last_refused_at=now,
    )
    connection.execute(
        update(refused_page)
        .where(refused_page.c.identity == identity)
        .values(status=status, last_refused_at=now)
    )


def delete_refusal(connection: Connection, identity: str) -> None:
    """A page was served after all."""
    connection.execute(delete(refused_page).where(refused_page.c.identity == identity))


def list_recent(connection: Connection, source: str, since: datetime) -> tuple[str, ...]:
    """Identities of the pages of ``source`` that were refused since ``since``."""
    rows = connection.execute(
        select(refused_page.c.identity)
        .where(refused_page.c.source == source, refused_page.c.last_refused_at >= since)
        .order_by(refused_page.c.identity)
    )
    return tuple(rows.scalars())


def count(connection: Connection, source: str) -> int:
    """How many pages of ``source`` are refused."""
    mine = select(func.count()).select_from(refused_page).where(refused_page.c.source == source)
    return connection.execute(mine).scalar_one()
