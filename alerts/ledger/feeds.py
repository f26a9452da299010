"""How far the files of each feed have come, and what the hub was told of them."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select, update

from alerts.ledger.base import insert_once
from alerts.ledger.schema import feed

#: What the hub was told of a feed that was written since: a change, or a notice alone.
_NEVER_PINGED = -1


class FeedProgress(msgspec.Struct, frozen=True):
    """The state of one feed's files."""

    name: str
    published_up_to: int  #: the newest change in them
    notices_up_to: int  #: the newest notice in them
    archive_pages: int  #: of its archive that are full
    written_pages: int  #: of those, written
    pinged_up_to: int  #: what the hub was last told of


def get(connection: Connection, name: str) -> FeedProgress | None:
    """The state of a feed; None where it was never written."""
    row = connection.execute(select(feed).where(feed.c.name == name)).one_or_none()
    return FeedProgress(**row._mapping) if row else None


def mark_published(
    connection: Connection, name: str, *, up_to: int, notices_up_to: int, archive_pages: int
) -> None:
    """Note that a feed's files hold every change up to ``up_to``; the hub knows nothing of them."""
    values = {
        "published_up_to": up_to,
        "notices_up_to": notices_up_to,
        "archive_pages": archive_pages,
        "pinged_up_to": _NEVER_PINGED,
    }
    insert_once(connection, feed, name=name, **values)
    connection.execute(update(feed).where(feed.c.name == name).values(**values))


def list_unwritten(connection: Connection) -> list[FeedProgress]:
    """Feeds with full pages that are not files yet."""
    wanted = select(feed).where(feed.c.written_pages < feed.c.archive_pages).order_by(feed.c.name)
    return [FeedProgress(**row._mapping) for row in connection.execute(wanted)]


def mark_written(connection: Connection, name: str, page: int) -> None:
    """Note that a feed's archive is written up to ``page``."""
    connection.execute(update(feed).where(feed.c.name == name).values(written_pages=page))


def list_unpinged(connection: Connection) -> list[FeedProgress]:
    """Feeds with something that the hub was not told of."""
    wanted = select(feed).where(feed.c.published_up_to > feed.c.pinged_up_to).order_by(feed.c.name)
    return [FeedProgress(**row._mapping) for row in connection.execute(wanted)]


def mark_pinged(connection: Connection, name: str, up_to: int) -> None:
    """Note that the hub was told of a feed up to change ``up_to``."""
    connection.execute(update(feed).where(feed.c.name == name).values(pinged_up_to=up_to))


def delete_all(connection: Connection) -> None:
    """Forget every file: they are gone, or are to be made anew."""
    connection.execute(delete(feed))
