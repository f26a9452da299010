"""How far each feed's files are written, and what its hub was told (WebSub)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Set

import msgspec
from sqlalchemy import ColumnElement, Connection, select, update

from alerts.ledger import topic_ranges
from alerts.ledger.engine import Ledger
from alerts.ledger.inserts import insert_once, iter_parameters
from alerts.ledger.publication_schema import feed
from alerts.ledger.schema import topic
from alerts.ledger.topics import EVERYTHING_FEED

#: Less than any change: the hub is pinged even if a feed was written for a notice alone, and of no
#: feed that was not written.
_NOTHING = -1
#: The first version of a feed is below this: version numbers fit into 32 bits for ever.
_FIRST_VERSIONS = 1_000_000_000


class FeedProgress(msgspec.Struct, frozen=True):
    """How far one feed's files are written."""

    name: str
    published_up_to: int  #: number of the newest change in the files
    notices_up_to: int  #: id of the newest notice in the files
    archive_pages: int  #: full pages of its archive
    written_pages: int  #: of those, how many are files
    pinged_up_to: int  #: number of the change up to which the hub was told
    questions: int | None = None  #: that its topic matches; None for a feed of all changes
    version: int = 0  #: that the files should be of
    written_version: int = -1  #: that the files are of

    @property
    def is_outdated(self) -> bool:
        """Whether its files lack something, but for notices and the changes of everything."""
        return self.version > self.written_version


_COLUMNS = [feed.c[name] for name in FeedProgress.__struct_fields__]


def get(connection: Connection, name: str) -> FeedProgress | None:
    """Return the progress of a feed; None for one that is not public, or not known yet."""
    return next(iter(_list_where(connection, feed.c.name == name)), None)


def mark_outdated(connection: Connection, names: Iterable[str]) -> None:
    """Let the files of some feeds be written again, or for the first time.

    The connection must be of :meth:`alerts.ledger.Ledger.writing` for a feed that is new.
    """
    wanted = set(names)
    known = _mark_known(connection, wanted)
    for name in sorted(wanted.difference(known)):
        # It begins anywhere, so that a feed that was withdrawn and is public again is not taken for
        # the former one by whoever is writing that just now.
        first = secrets.randbelow(_FIRST_VERSIONS)
        values = {"published_up_to": _NOTHING, "notices_up_to": 0, "version": first}
        insert_once(connection, feed, name=name, **values, written_version=first - 1)
    if wanted:
        Ledger.announce(connection, "publish")


def _mark_known(connection: Connection, names: Iterable[str]) -> list[str]:
    """Mark those of some feeds that there are as outdated; return their names."""
    known = _lock(connection, names)
    for some in iter_parameters(known):
        more = {"version": feed.c.version + 1}
        connection.execute(update(feed).where(feed.c.name.in_(some)).values(**more))
    if known:
        Ledger.announce(connection, "publish")
    return known


def mark_matched(connection: Connection, range_id: int, topic_ids: Set[int]) -> None:
    """Mark the feeds of those of some topics that are public as outdated.

    A topic that is made private meanwhile loses its feed, and gets none here.

    Args:
        connection: The ledger.
        range_id: The range of the topics.
        topic_ids: Those that changes were matched with.
    """
    first = range_id * topic_ranges.TOPICS_PER_RANGE
    in_range = topic.c.id.between(first, first + topic_ranges.TOPICS_PER_RANGE - 1)
    wanted = select(topic.c.id, topic.c.slug).where(topic.c.publication.is_not(None), in_range)
    rows = connection.execute(wanted)
    _mark_known(connection, [row.slug for row in rows if row.id in topic_ids])


def mark_published(
    connection: Connection,
    name: str,
    *,
    version: int,
    up_to: int,
    notices_up_to: int,
    archive_pages: int,
    questions: int | None = None,
) -> bool:
    """Record what a feed's files hold. What the hub was told is reset, so that it is pinged again.

    Args:
        connection: The ledger.
        name: The feed: a topic's slug, or ``everything``.
        version: The version of the files.
        up_to: The newest change in the files.
        notices_up_to: The newest notice in the files.
        archive_pages: How many pages of its archive are full.
        questions: How many questions its topic matches.

    Returns:
        False if the feed is not public any more, or newer files are recorded.
    """
    values = {
        "published_up_to": up_to,
        "notices_up_to": notices_up_to,
        "archive_pages": archive_pages,
        "questions": questions,
        "pinged_up_to": _NOTHING,
        "written_version": version,
    }
    if name == EVERYTHING_FEED:
        insert_once(connection, feed, name=name, **values, version=version)
    mine = update(feed).where(feed.c.name == name, feed.c.written_version <= version)
    return connection.execute(mine.values(**values)).rowcount == 1


def list_outdated(connection: Connection, newest_notice: int, limit: int) -> list[str]:
    """Return the names of feeds whose files lack a change, then of those that lack a notice.

    The feed of everything may be missing: it is outdated by any change.

    Args:
        connection: The ledger.
        newest_notice: The id of the newest notice.
        limit: How many that lack a notice to return at most.
    """
    lacking = select(feed.c.name).where(feed.c.version > feed.c.written_version)
    late = select(feed.c.name).where(feed.c.notices_up_to < newest_notice)
    late = late.order_by(feed.c.notices_up_to, feed.c.name).limit(limit)
    found = list(connection.execute(lacking.order_by(feed.c.name)).scalars())
    found += connection.execute(late).scalars()
    return list(dict.fromkeys(found))


def list_unwritten(connection: Connection) -> list[FeedProgress]:
    """Return the feeds with full archive pages that are not written to disk."""
    return _list_where(connection, feed.c.written_pages < feed.c.archive_pages)


def mark_written(connection: Connection, name: str, page: int, version: int) -> bool:
    """Record that a feed's archive is written up to a page; False if it has another version now."""
    mine = update(feed).where(feed.c.name == name, feed.c.version == version)
    return connection.execute(mine.values(written_pages=page)).rowcount == 1


def list_unpinged(connection: Connection) -> list[FeedProgress]:
    """Return the feeds with something that their hub was not told of."""
    return _list_where(connection, feed.c.published_up_to > feed.c.pinged_up_to)


def has_unpinged(connection: Connection) -> bool:
    """Return whether there is something that a hub was not told of."""
    wanted = select(feed.c.name).where(feed.c.published_up_to > feed.c.pinged_up_to)
    return connection.execute(wanted.limit(1)).first() is not None


def mark_pinged(connection: Connection, name: str, up_to: int) -> None:
    """Record that the hub was notified of a feed up to a change."""
    connection.execute(update(feed).where(feed.c.name == name).values(pinged_up_to=up_to))


def rewrite(connection: Connection, names: Iterable[str] | None = None) -> None:
    """Let all files of some feeds be written again, those of their archives too.

    Args:
        connection: The ledger.
        names: The feeds; those that are not public are passed over. None for all.
    """
    if names is None:
        names = connection.execute(select(feed.c.name)).scalars().all()
    values = {
        "published_up_to": _NOTHING,
        "notices_up_to": 0,
        "archive_pages": 0,
        "written_pages": 0,
        "pinged_up_to": _NOTHING,
        "questions": None,
        "version": feed.c.version + 1,
    }
    for some in iter_parameters(_lock(connection, names)):
        connection.execute(update(feed).where(feed.c.name.in_(some)).values(**values))
    Ledger.announce(connection, "publish")


def _lock(connection: Connection, names: Iterable[str]) -> list[str]:
    """Lock the rows of some feeds, and return the names of those that there are.

    They are locked in the order of their names, so that two transactions never wait for each other.
    """
    found: list[str] = []
    for some in iter_parameters(sorted(names)):
        wanted = select(feed.c.name).where(feed.c.name.in_(some)).order_by(feed.c.name)
        found += connection.execute(wanted.with_for_update()).scalars()
    return found


def _list_where(connection: Connection, condition: ColumnElement[bool]) -> list[FeedProgress]:
    rows = connection.execute(select(*_COLUMNS).where(condition).order_by(feed.c.name))
    return [FeedProgress(**row._mapping) for row in rows]
