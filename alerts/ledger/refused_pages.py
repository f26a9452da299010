"""Pages that a server refuses to serve while it serves others."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from sqlalchemy import Connection, delete, func, select, update

from alerts.ledger.inserts import insert_once
from alerts.ledger.schema import refused_page


def record_refusal(
    connection: Connection, identity: str, source: str, url: str, status: int, now: datetime
) -> None:
    """Record that a page was refused. The first such time is kept.

    Args:
        connection: The ledger.
        identity: The id of the question: ``london:/questions/2018/5425``.
        source: The source: ``london``.
        url: The address of the page.
        status: The HTTP status: 401 or 403.
        now: The time.
    """
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
    """Delete the refusal of a page that was served after all."""
    connection.execute(delete(refused_page).where(refused_page.c.identity == identity))


def list_recent(connection: Connection, source: str, since: datetime) -> tuple[str, ...]:
    """Return the ids of the pages of a source that were refused since a time."""
    rows = connection.execute(
        select(refused_page.c.identity)
        .where(refused_page.c.source == source, refused_page.c.last_refused_at >= since)
        .order_by(refused_page.c.identity)
    )
    return tuple(rows.scalars())


def count(connection: Connection, source: str) -> int:
    """Return how many pages of a source are refused."""
    mine = select(func.count()).select_from(refused_page).where(refused_page.c.source == source)
    return connection.execute(mine).scalar_one()


def count_by_month(connection: Connection, source: str, since: date | None = None) -> Counter[date]:
    """Return how many pages of a source were first refused in each month, by its first day."""
    wanted = select(refused_page.c.first_refused_at).where(refused_page.c.source == source)
    days = (moment.date() for moment in connection.execute(wanted).scalars())
    return Counter(day.replace(day=1) for day in days if since is None or day >= since)
