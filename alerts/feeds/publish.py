"""The step from match to feed: files that any web server can serve.

A file is replaced as a whole, and its feed is marked as published afterwards. If the process is
killed between the two, the next run writes the same bytes again. Which feeds lack something is
marked in the transactions that make them lack it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple
from zlib import crc32

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.errors import ExitStatus, WatchwordError
from alerts.feeds.documents import FeedContext
from alerts.feeds.folder import FeedFolder
from alerts.feeds.write import list_waiting_feeds, publish_archive_page, publish_feed
from alerts.ledger import Ledger, LedgerUnavailable, feeds, publication
from alerts.ledger.feeds import FeedProgress
from alerts.ledger.topics import EVERYTHING_FEED
from crawler.event_log import get_logger
from crawler.storage import Folder

#: Archive pages in one run: 20 of about 0.1 s = 2 s, in which digests wait.
_MAX_ARCHIVE_PAGES = 20
#: Feeds in one run that are written only to show a notice; 200 of them take some seconds.
_MAX_NOTICE_FEEDS = 200
#: Seconds after which the other feeds wait for the next run, so that digests are not held up.
_TIME_LIMIT = 20.0
#: Feeds that are worth another worker: writing them takes some seconds.
_FEEDS_A_SHARE = 100
#: Workers that write feeds at the same time.
_MAX_SHARES = 8
#: The file that names the identity which the feeds beside it were written for.
_IDENTITY_FILE = "made-for"

#: Files in a row that cannot be written, after which the folder itself is at fault: its disk is
#: full, or it may not be written to. The other feeds would fail alike, and each costs its making.
_MAX_UNWRITABLE = 3

log = get_logger("watchword.feeds")


class FeedsNotWritten(WatchwordError):
    """Some feeds could not be written; they are tried again in the next round."""

    exit_status = ExitStatus.PARTIAL


class FeedShare(NamedTuple):
    """A share of all feeds, by their names: the work of one of several publishers."""

    number: int = 1  #: from 1
    of: int = 1  #: how many shares there are

    @property
    def is_first(self) -> bool:
        """Whether its publisher also does what is not about a single feed."""
        return self.number == 1

    def has(self, name: str) -> bool:
        """Return whether a feed is in the share."""
        return crc32(name.encode()) % self.of == self.number - 1


_ALL_FEEDS = FeedShare()


class FeedPublisher:
    """Writes feeds into a folder."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Folder,
        context: FeedContext,
        monotonic: Callable[[], float] = time.monotonic,
        share: FeedShare = _ALL_FEEDS,
    ) -> None:
        """Prepare to publish.

        Args:
            ledger: Where the feeds' changes are, and which of them are published.
            folder: Where the files go; created when the first is written.
            context: What feeds are written with.
            monotonic: The clock of the time limit, in seconds.
            share: Which feeds it writes.
        """
        self._share = share
        self._ledger, self._files, self._context = ledger, folder, context
        self._folder = FeedFolder(folder)
        self._monotonic = monotonic
        self.failed_count = 0  #: feeds, or pages of one, that could not be written
        self._first_reason: str | None = None  #: why the first of them could not
        self._unwritable_in_a_row = 0

    def publish(self) -> int:
        """Write the feeds that lack a change or a notice, for some seconds; return how many.

        Raises:
            FeedsNotWritten: The folder cannot be used.
        """
        end = self._monotonic() + _TIME_LIMIT
        try:
            self._files.create(is_public=True)
            if self._share.is_first:
                self._forget_lost_files()
        except OSError as error:
            raise FeedsNotWritten(f"feeds.path: {_describe(error, self._files)}") from error
        if self._share.is_first:
            with self._count_failure("withdrawn feeds"):
                delete_withdrawn_files(self._ledger, self._files)
        with self._ledger.reading() as connection:
            waiting = list_waiting_feeds(connection, _MAX_NOTICE_FEEDS)
        outdated = [name for name in waiting if self._share.has(name)]
        written = 0
        for number, name in enumerate(outdated):
            if self._is_folder_at_fault:
                self.failed_count += len(outdated) - number
                break
            if name != EVERYTHING_FEED and self._monotonic() > end:
                log.info(
                    "not all feeds are written yet: the time limit is reached",
                    outdated=len(outdated),
                )
                break
            with self._count_failure(name):
                written += publish_feed(self._ledger, self._folder, self._context, name)
        return written

    def _forget_lost_files(self) -> None:
        """Mark all feeds as unpublished if their files are gone, or are of another identity."""
        if not _are_lost(self._ledger, self._files, self._context):
            return
        with self._ledger.writing() as connection:
            feeds.rewrite(connection)
        # Written last: if the process is killed before, the next run marks the feeds again.
        wanted = _hash_identity(self._context)
        self._files.write(_IDENTITY_FILE, wanted, is_public=True)

    @property
    def _is_folder_at_fault(self) -> bool:
        return self._unwritable_in_a_row >= _MAX_UNWRITABLE

    def check(self) -> None:
        """Say whether everything could be written.

        Raises:
            FeedsNotWritten: The message has the number of the feeds that were not, and the first
                reason.
        """
        if self.failed_count:
            number = f"{self.failed_count} {'feed' if self.failed_count == 1 else 'feeds'}"
            raise FeedsNotWritten(f"feeds.path: {number} not written: {self._first_reason}")

    @contextmanager
    def _count_failure(self, name: str) -> Iterator[None]:
        """Count a feed that cannot be written, so that it holds up neither other feeds nor digests.

        It is tried again in the next run. Of defects, the first is logged with its traceback. A
        database error is raised: it concerns every feed.
        """
        try:
            yield
        except (DBAPIError, LedgerUnavailable):
            raise
        except OSError as error:
            self._add_failure(f"{name}: {_describe(error, self._files)}")
            self._unwritable_in_a_row += 1
        except Exception as error:  # the boundary of a feed
            if self._first_reason is None:
                log.exception("a feed cannot be written", feed=name)
            self._add_failure(f"{name}: {type(error).__name__}: {error}")
        else:
            self._unwritable_in_a_row = 0

    def _add_failure(self, reason: str) -> None:
        self.failed_count += 1
        self._first_reason = self._first_reason or reason

    def write_archives(self) -> int:
        """Write archive pages that have become full, up to a limit; return how many."""
        left = _MAX_ARCHIVE_PAGES
        with self._ledger.reading() as connection:
            unwritten = feeds.list_unwritten(connection)
        for progress in (one for one in unwritten if self._share.has(one.name)):
            with self._count_failure(progress.name):
                for page in _list_unwritten_pages(progress, left):
                    left -= 1
                    publish_archive_page(
                        self._ledger, self._folder, self._context, progress.name, page
                    )
            if left <= 0 or self._is_folder_at_fault:
                break
        return _MAX_ARCHIVE_PAGES - left


def are_files_lost(ledger: Ledger, folder: Folder, context: FeedContext) -> bool:
    """Return whether files of feeds are gone or cannot be read, or are of another identity.

    Then :func:`publish_feeds` writes all of them again, or says why it cannot.
    """
    try:
        return _are_lost(ledger, folder, context)
    except OSError:
        return True


def _are_lost(ledger: Ledger, folder: Folder, context: FeedContext) -> bool:
    with ledger.reading() as connection:
        everything = feeds.get(connection, EVERYTHING_FEED)
    is_published = everything is not None and not everything.is_outdated
    if is_published and folder.find(f"{EVERYTHING_FEED}.atom.xml") is None:
        return True
    return folder.read(_IDENTITY_FILE) != _hash_identity(context)


def _hash_identity(context: FeedContext) -> bytes:
    identity = msgspec.json.encode(context.identity)
    return hashlib.sha256(identity).hexdigest().encode()


def _list_unwritten_pages(progress: FeedProgress, limit: int) -> range:
    """Return which pages to write now, ``limit`` and one more at most.

    The page that was written last is written again: it now links to the page after it.
    """
    first = max(1, progress.written_pages)
    return range(first, min(progress.archive_pages, first + limit) + 1)


def delete_withdrawn_files(ledger: Ledger, folder: Folder) -> None:
    """Delete the files of the topics that are not public any more.

    Raises:
        OSError: A file cannot be deleted; all are tried again the next time.
    """
    with ledger.reading() as connection:
        names = publication.list_withdrawn(connection)
    if not names:
        return
    store = FeedFolder(folder)
    is_missing = folder.path is not None and not folder.path.is_dir()
    with nullcontext() if is_missing else store.holding():
        store.delete_feeds(names)
        with ledger.writing() as connection:
            publication.mark_deleted(connection, names)
            feeds.rewrite(connection, names)  # those that were published again meanwhile


def list_waiting_shares(connection: Connection) -> list[FeedShare]:
    """Return the shares in which several publishers may write what waits; none if nothing does."""
    waiting = len(list_waiting_feeds(connection, _MAX_NOTICE_FEEDS))
    if not (waiting or feeds.list_unwritten(connection) or publication.list_withdrawn(connection)):
        return []
    number = max(1, min(_MAX_SHARES, waiting // _FEEDS_A_SHARE))
    return [FeedShare(one + 1, number) for one in range(number)]


def publish_feeds(
    ledger: Ledger, folder: Folder, context: FeedContext, share: FeedShare = _ALL_FEEDS
) -> int:
    """Write the feeds that lack anything into ``folder``, and their archives; return how many.

    Args:
        ledger: Where the feeds' changes are, and which of them are published.
        folder: Where the files go.
        context: What feeds are written with.
        share: Which feeds; others may write the others at the same time.

    Raises:
        FeedsNotWritten: Some could not be written; all the others are.
    """
    publisher = FeedPublisher(ledger, folder, context, share=share)
    written = publisher.publish()
    publisher.write_archives()
    publisher.check()
    return written


def _describe(error: OSError, folder: Folder) -> str:
    """Return why a file or the folder cannot be written; a write to a full disk names no file."""
    return f"{error.filename or folder}: {error.strerror}"
