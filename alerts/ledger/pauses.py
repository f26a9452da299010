"""Crawls and deliveries that the operator has paused."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from alerts.ledger.schema import pause

PausedActivity = Literal["crawl", "delivery"]


class Pause(msgspec.Struct, frozen=True):
    """What is paused, and since when."""

    activity: PausedActivity
    source: str | None  #: whose crawls are paused; None for deliveries
    since: datetime

    @property
    def label(self) -> str:
        """What is paused, in words: ``crawls of london``."""
        return f"crawls of {self.source}" if self.source else "deliveries"


def list_all(connection: Connection) -> tuple[Pause, ...]:
    """Return every pause: crawls by source, then deliveries."""
    columns = [pause.c[name] for name in Pause.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(pause.c.activity, pause.c.source))
    return tuple(Pause(**row._mapping) for row in rows)


def find(
    connection: Connection, activity: PausedActivity, source: str | None = None
) -> datetime | None:
    """Return since when an activity is paused; None if it is not.

    Args:
        connection: The ledger.
        activity: What may be paused.
        source: Whose crawls; None for deliveries.
    """
    wanted = select(pause.c.since).where(_is_pause(activity, source))
    return connection.execute(wanted).scalar()


def add(
    connection: Connection, activity: PausedActivity, source: str | None, now: datetime
) -> None:
    """Pause an activity. An earlier pause of it keeps its beginning."""
    if find(connection, activity, source) is None:
        values = {"activity": activity, "source": source, "since": now}
        connection.execute(insert(pause).values(values))


def remove(connection: Connection, activity: PausedActivity, source: str | None = None) -> None:
    """Resume an activity."""
    connection.execute(delete(pause).where(_is_pause(activity, source)))


def _is_pause(activity: PausedActivity, source: str | None) -> ColumnElement[bool]:
    return and_(pause.c.activity == activity, pause.c.source.is_not_distinct_from(source))
