"""One feed written to its files, whoever else does so at the same time.

Which version of a feed is wanted is in its row of the ledger, and grows with whatever makes its
files outdated. A process notes the version, builds the documents, and then takes hold of the
folder: it writes them only if their version is still the newest, and records the version before it
lets go. So no file is ever replaced by an older one, even if a process is stopped anywhere and goes
on later; and one that is killed before it records leaves the feed outdated, to be written again.

An object store cannot be held. There a process that was overtaken between its look and its write
finds so when it records, and has the feed written once more.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from alerts.feeds.definitions import FeedDefinition, define_everything_feed, define_topic_feed
from alerts.feeds.documents import FeedContext, build_archive_page, build_newest_page
from alerts.feeds.folder import FeedFolder
from alerts.feeds.model import MEDIA_TYPES, ArchivePosition, FeedDocuments
from alerts.ledger import Ledger, changes, feeds, matches, notices, publication, topics
from alerts.ledger.feeds import FeedProgress
from alerts.ledger.topics import EVERYTHING_FEED

#: How often a feed is built that becomes outdated while it is built; then the next round does it.
_MAX_TRIES = 3


class FeedState(NamedTuple):
    """What a feed's files should hold. Files of a state that is past are not written."""

    version: int
    newest_change: int  #: of the feed of everything; 0 for a topic's, whose matches have a version
    newest_notice: int

    def is_in(self, progress: FeedProgress | None) -> bool:
        """Return whether the files that are recorded are of this state."""
        return (
            progress is not None
            and progress.written_version >= self.version
            and progress.notices_up_to == self.newest_notice
            and progress.published_up_to >= self.newest_change
        )


class _Draft(NamedTuple):
    state: FeedState
    documents: FeedDocuments
    up_to: int
    questions: int | None


def list_waiting_feeds(connection: Connection, limit: int) -> list[str]:
    """Return the names of the feeds whose files lack something.

    That of everything is first; then come those that lack a change, and some that lack a notice.

    Args:
        connection: The ledger.
        limit: How many that lack only a notice to return at most.
    """
    outdated = feeds.list_outdated(connection, notices.get_newest_id(connection), limit)
    everything = feeds.get(connection, EVERYTHING_FEED)
    state = _read_state(connection, EVERYTHING_FEED, everything)
    first = [] if state is None or state.is_in(everything) else [EVERYTHING_FEED]
    return first + [name for name in outdated if name != EVERYTHING_FEED]


def publish_feed(ledger: Ledger, folder: FeedFolder, context: FeedContext, name: str) -> bool:
    """Write the files of a feed, and record them; return whether that was done.

    It is not done for a feed that is private, and for one that becomes outdated again and again
    meanwhile, which stays marked.

    Raises:
        OSError: A file cannot be written.
    """
    for _ in range(_MAX_TRIES):
        with ledger.reading() as connection:
            draft = _build(connection, name, context)
        if draft is None:
            return False
        with folder.holding():
            with ledger.reading() as connection:
                now = _read_state(connection, name, feeds.get(connection, name))
            if now == draft.state:
                folder.write(list_files(name, draft.documents))
                is_newest = _record(ledger, name, draft)
                if not is_newest and folder.folder.path is None:
                    _write_again(ledger, name)
                return is_newest
    return False


def _write_again(ledger: Ledger, name: str) -> None:
    """Have a feed written again, whose newer files were perhaps replaced by ours in the store."""
    with ledger.writing_shard() as connection:
        if feeds.get(connection, name) is not None:
            feeds.rewrite(connection, [name])


def publish_archive_page(
    ledger: Ledger, folder: FeedFolder, context: FeedContext, name: str, page: int
) -> bool:
    """Write a full page of a feed's archive, and record it; return whether that was done.

    Raises:
        OSError: It cannot be written.
    """
    with ledger.reading() as connection:
        progress = feeds.get(connection, name)
        definition = _define(connection, name)
        if definition is None or progress is None:
            return False
        position = ArchivePosition(progress.archive_pages, page)
        documents = build_archive_page(connection, definition, position, context)
    with folder.holding():
        with ledger.reading() as connection:
            now = feeds.get(connection, name)
        if now is None or now.version != progress.version:
            return False
        folder.write(list_files(name, documents))
        with ledger.writing_shard() as connection:
            return _is_public_still(connection, name) and feeds.mark_written(
                connection, name, page, progress.version
            )


def list_files(name: str, documents: FeedDocuments) -> dict[str, bytes]:
    """Return all formats of the feed that readers subscribe to; of an archive page, Atom."""
    number = documents.position.page_number
    page = f".{number}" if number else ""
    extensions = ["atom.xml"] if number else MEDIA_TYPES
    return {f"{name}{page}.{extension}": documents[extension] for extension in extensions}


def _read_state(
    connection: Connection, name: str, progress: FeedProgress | None
) -> FeedState | None:
    """Return the state of a feed; None for one that is not public."""
    notice = notices.get_newest_id(connection)
    if name == EVERYTHING_FEED:
        version = progress.version if progress else 0
        return FeedState(version, changes.get_newest_seq(connection), notice)
    return FeedState(progress.version, 0, notice) if progress else None


def _build(connection: Connection, name: str, context: FeedContext) -> _Draft | None:
    """Return what is to be written; None for a feed that is not public.

    The state is read first: what is read after it is at least as new.
    """
    state = _read_state(connection, name, feeds.get(connection, name))
    topic = topics.find_public_by_slug(connection, name)
    definition = _define(connection, name)
    if state is None or definition is None:
        return None
    listed = definition.list_newest(connection, ())
    documents = build_newest_page(connection, definition, listed, context)
    if topic is None:
        return _Draft(state, documents, state.newest_change, None)
    up_to = matches.get_newest_seq(connection, topic.id)
    return _Draft(state, documents, up_to, matches.count_questions(connection, topic.id))


def _define(connection: Connection, name: str) -> FeedDefinition | None:
    if name == EVERYTHING_FEED:
        return define_everything_feed(connection)
    topic = topics.find_public_by_slug(connection, name)
    return define_topic_feed(topic) if topic else None


def _record(ledger: Ledger, name: str, draft: _Draft) -> bool:
    with ledger.writing_shard() as connection:
        return _is_public_still(connection, name) and feeds.mark_published(
            connection,
            name,
            version=draft.state.version,
            up_to=draft.up_to,
            notices_up_to=draft.state.newest_notice,
            archive_pages=draft.documents.position.full_pages,
            questions=draft.questions,
        )


def _is_public_still(connection: Connection, name: str) -> bool:
    """Return whether a topic is public still whose files have just been written.

    The files of one that became private meanwhile are deleted in the next run. Whether it has a
    feed is not changed here: it may be published again at this moment.
    """
    if name == EVERYTHING_FEED or topics.find_public_by_slug(connection, name):
        return True
    publication.withdraw_files(connection, name)
    return False
