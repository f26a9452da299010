"""How far each feed's files are written, and what its hub was told (WebSub)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, delete, select, update

from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.schema import feed

#: Less than any change: the hub is pinged even if a feed was written for a notice alone.
_NEVER_PINGED = -1


class FeedProgress(msgspec.Struct, frozen=True):
    """How far one feed's files are written."""

    name: str
    published_up_to: int  #: number of the newest change in the files
    notices_up_to: int  #: id of the newest notice in the files
    archive_pages: int  #: full pages of its archive
    written_pages: int  #: of those, how many are files
    pinged_up_to: int  #: number of the change up to which the hub was told
    questions: int | None = None  #: that its topic matches; None for a feed of all changes


def get(connection: Connection, name: str) -> FeedProgress | None:
    """Return the progress of a feed; None if it was never written."""
    row = connection.execute(select(feed).where(feed.c.name == name)).one_or_none()
    return FeedProgress(**row._mapping) if row else None


def mark_published(
    connection: Connection,
    name: str,
    *,
    up_to: int,
    notices_up_to: int,
    archive_pages: int,
    questions: int | None = None,
) -> None:
    """Record what a feed's files hold. What the hub was told is reset, so that it is pinged again.

    Args:
        connection: The ledger.
        name: The feed: a topic's slug, or ``everything``.
        up_to: The newest change in the files.
        notices_up_to: The newest notice in the files.
        archive_pages: How many pages of its archive are full.
        questions: How many questions its topic matches.
    """
    values = {
        "published_up_to": up_to,
        "notices_up_to": notices_up_to,
        "archive_pages": archive_pages,
        "questions": questions,
        "pinged_up_to": _NEVER_PINGED,
    }
    insert_once(connection, feed, name=name, **values)
    connection.execute(update(feed).where(feed.c.name == name).values(**values))


def list_unwritten(connection: Connection) -> list[FeedProgress]:
    """Return the feeds with full archive pages that are not written to disk."""
    wanted = select(feed).where(feed.c.written_pages < feed.c.archive_pages).order_by(feed.c.name)
    return [FeedProgress(**row._mapping) for row in connection.execute(wanted)]


def mark_written(connection: Connection, name: str, page: int) -> None:
    """Record that a feed's archive is written up to a page."""
    connection.execute(update(feed).where(feed.c.name == name).values(written_pages=page))


def list_unpinged(connection: Connection, limit: int | None = None) -> list[FeedProgress]:
    """Return the feeds with something that their hub was not told of, at most ``limit``."""
    is_behind = feed.c.published_up_to > feed.c.pinged_up_to
    wanted = select(feed).where(is_behind).order_by(feed.c.name).limit(limit)
    return [FeedProgress(**row._mapping) for row in connection.execute(wanted)]


def mark_pinged(connection: Connection, name: str, up_to: int) -> None:
    """Record that the hub was notified of a feed up to a change."""
    connection.execute(update(feed).where(feed.c.name == name).values(pinged_up_to=up_to))


def forget(connection: Connection, names: Sequence[str]) -> None:
    """Delete the progress of some feeds, so that their files are written again."""
    for some in iter_parameters(names):
        connection.execute(delete(feed).where(feed.c.name.in_(some)))


def delete_all(connection: Connection) -> None:
    """Delete the progress of all feeds, so that all their files are written again."""
    connection.execute(delete(feed))
