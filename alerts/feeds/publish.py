"""The step from match to feed: files that any web server can serve.

A file is replaced as a whole, and its feed is marked as published afterwards. If the process is
killed between the two, the next run writes the same bytes again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alerts.errors import ExitStatus, WatchwordError
from alerts.feeds.definitions import FeedDefinition, define_everything_feed, define_topic_feed
from alerts.feeds.documents import FeedContext, build_archive_page, build_newest_page
from alerts.feeds.model import MEDIA_TYPES, ArchivePosition, FeedDocuments
from alerts.ledger import (
    Ledger,
    LedgerUnavailable,
    changes,
    feeds,
    matches,
    notices,
    publication,
    topics,
)
from alerts.ledger.feeds import FeedProgress
from alerts.ledger.topics import EVERYTHING_FEED, Topic

#: Archive pages in one run: 20 of about 0.1 s = 2 s, in which digests wait.
_MAX_ARCHIVE_PAGES = 20
#: Feeds in one run that are written only to show a notice; 200 of them take some seconds.
_MAX_NOTICE_FEEDS = 200
#: Seconds after which the other feeds wait for the next run, so that digests are not held up.
_TIME_LIMIT = 20.0
#: The file that names the identity which the feeds beside it were written for.
_IDENTITY_FILE = "made-for"

#: Files in a row that cannot be written, after which the folder itself is at fault: its disk is
#: full, or it may not be written to. The other feeds would fail alike, and each costs its making.
_MAX_UNWRITABLE = 3

#: A file of a feed, or of a page of its archive. No slug has a dot.
_FEED_FILE = re.compile(r"\.?(?P<name>[^.]+)(?:\.[0-9]+)?\.(?:rss\.xml|atom\.xml|json)(?:\.new)?")
#: Permissions of what is published; whatever else this program creates is for its user alone.
_PUBLIC_FILE, _PUBLIC_FOLDER, _PASSAGE = 0o644, 0o755, 0o711

log = logging.getLogger("watchword.feeds")


class FeedsNotWritten(WatchwordError):
    """Some feeds could not be written; they are tried again in the next round."""

    exit_status = ExitStatus.PARTIAL


class FeedPublisher:
    """Writes feeds into a folder."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        context: FeedContext,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to publish.

        Args:
            ledger: Where the feeds' changes are, and which of them are published.
            folder: Where the files go; created when the first is written.
            context: What feeds are written with.
            monotonic: The clock of the time limit, in seconds.
        """
        self._ledger, self._folder, self._context = ledger, folder, context
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
            make_public_folder(self._folder)
            self._forget_lost_files()
        except OSError as error:
            raise FeedsNotWritten(f"feeds.path: {_describe(error, self._folder)}") from error
        with self._ledger.reading() as connection:
            newest_notice = notices.get_newest_id(connection)
        self._delete_withdrawn()
        outdated = self._list_outdated(newest_notice)
        written = int(self._publish_everything(newest_notice))
        for number, topic in enumerate(outdated):
            if self._is_folder_at_fault:
                self.failed_count += len(outdated) - number
                break
            if self._monotonic() > end:
                log.info("time limit reached: %d feeds were outdated", len(outdated))
                break
            written += self._publish_topic(topic, newest_notice)
        return written

    def _delete_withdrawn(self) -> None:
        """Delete the files of topics that are not public any more."""
        with self._count_failure("withdrawn feeds"):
            delete_withdrawn_files(self._ledger, self._folder)

    def _list_outdated(self, newest_notice: int) -> list[Topic]:
        """Return the topics whose feeds lack a change, then those that lack only a notice."""
        with self._ledger.reading() as connection:
            outdated = topics.list_unpublished(connection)
            known = {topic.id for topic in outdated}
            late = topics.list_without_notice(connection, newest_notice, _MAX_NOTICE_FEEDS)
            return outdated + [topic for topic in late if topic.id not in known]

    def _forget_lost_files(self) -> None:
        """Mark all feeds as unpublished if their files are gone, or are of another identity."""
        wanted = hashlib.sha256(msgspec.json.encode(self._context.identity)).hexdigest()
        identity_file = self._folder / _IDENTITY_FILE
        with self._ledger.reading() as connection:
            is_published = feeds.get(connection, EVERYTHING_FEED) is not None
        has_files = not is_published or (self._folder / f"{EVERYTHING_FEED}.atom.xml").is_file()
        if has_files and identity_file.is_file() and identity_file.read_text() == wanted:
            return
        with self._ledger.writing() as connection:
            feeds.delete_all(connection)
        # Written last: if the process is killed before, the next run marks the feeds again.
        replace_file(identity_file, wanted.encode())

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
            self._add_failure(f"{name}: {_describe(error, self._folder)}")
            self._unwritable_in_a_row += 1
        except Exception as error:  # the boundary of a feed
            if self._first_reason is None:
                log.exception("the feed %s cannot be written", name)
            self._add_failure(f"{name}: {type(error).__name__}: {error}")
        else:
            self._unwritable_in_a_row = 0

    def _add_failure(self, reason: str) -> None:
        self.failed_count += 1
        self._first_reason = self._first_reason or reason

    def _publish_everything(self, newest_notice: int) -> bool:
        """Write the feed of all changes if it lacks any; return whether it was written."""
        with self._ledger.reading() as connection:
            progress = feeds.get(connection, EVERYTHING_FEED)
            newest = changes.get_newest_seq(connection)
            definition = define_everything_feed(connection)
        if progress and (newest, newest_notice) == (
            progress.published_up_to,
            progress.notices_up_to,
        ):
            return False
        return self._publish_feed(definition, newest, newest_notice)

    def _publish_topic(self, topic: Topic, newest_notice: int) -> bool:
        with self._ledger.reading() as connection:
            newest = matches.get_newest_seq(connection, topic.id)
            number = matches.count_questions(connection, topic.id)
        return self._publish_feed(define_topic_feed(topic), newest, newest_notice, number)

    def _publish_feed(
        self,
        definition: FeedDefinition,
        newest_change: int,
        newest_notice: int,
        questions: int | None = None,
    ) -> bool:
        """Write a feed and mark it as published; return whether that succeeded."""
        failed_before = self.failed_count
        with self._count_failure(definition.metadata.base_path):
            with self._ledger.reading() as connection:
                listed = definition.list_newest(connection, ())
                documents = build_newest_page(connection, definition, listed, self._context)
            self._write_files(definition, documents)
            with self._ledger.writing() as connection:
                if self._is_withdrawn(connection, definition.metadata.base_path):
                    return False
                feeds.mark_published(
                    connection,
                    definition.metadata.base_path,
                    up_to=newest_change,
                    notices_up_to=newest_notice,
                    archive_pages=documents.position.full_pages,
                    questions=questions,
                )
        return self.failed_count == failed_before

    @staticmethod
    def _is_withdrawn(connection: Connection, name: str) -> bool:
        """Return whether a topic became private while its files were written.

        The files are deleted in the next run then.
        """
        if name == EVERYTHING_FEED or topics.find_public_by_slug(connection, name):
            return False
        publication.withdraw_feed(connection, name)
        return True

    def write_archives(self) -> int:
        """Write archive pages that have become full, up to a limit; return how many."""
        left = _MAX_ARCHIVE_PAGES
        with self._ledger.reading() as connection:
            waiting = feeds.list_unwritten(connection)
        for progress in waiting:
            with self._count_failure(progress.name):
                for page in _list_unwritten_pages(progress, left):
                    left -= 1
                    self._write_archive_page(progress, page)
            if left <= 0 or self._is_folder_at_fault:
                break
        return _MAX_ARCHIVE_PAGES - left

    def _write_archive_page(self, progress: FeedProgress, page: int) -> None:
        position = ArchivePosition(progress.archive_pages, page)
        with self._ledger.reading() as connection:
            definition = _define_published_feed(connection, progress.name)
            if definition is None:  # it became private
                return
            documents = build_archive_page(connection, definition, position, self._context)
        self._write_files(definition, documents)
        with self._ledger.writing() as connection:
            if not self._is_withdrawn(connection, progress.name):
                feeds.mark_written(connection, progress.name, page)

    def _write_files(self, definition: FeedDefinition, documents: FeedDocuments) -> None:
        """Write all formats of the feed that readers subscribe to; of an archive page, Atom."""
        number = documents.position.page_number
        page = f".{number}" if number else ""
        for extension in ["atom.xml"] if number else MEDIA_TYPES:
            name = f"{definition.metadata.base_path}{page}.{extension}"
            replace_file(self._folder / name, documents[extension])


def _list_unwritten_pages(progress: FeedProgress, limit: int) -> range:
    """Return which pages to write now, ``limit`` and one more at most.

    The page that was written last is written again: it now links to the page after it.
    """
    first = max(1, progress.written_pages)
    return range(first, min(progress.archive_pages, first + limit) + 1)


def _define_published_feed(connection: Connection, name: str) -> FeedDefinition | None:
    if name == EVERYTHING_FEED:
        return define_everything_feed(connection)
    topic = topics.find_public_by_slug(connection, name)
    return define_topic_feed(topic) if topic else None


def delete_withdrawn_files(ledger: Ledger, folder: Path) -> None:
    """Delete the files of the topics that are not public any more.

    Raises:
        OSError: A file cannot be deleted; all are tried again the next time.
    """
    with ledger.reading() as connection:
        names = publication.list_withdrawn(connection)
    if not names:
        return
    withdrawn = set(names)
    for path in folder.iterdir() if folder.is_dir() else ():
        found = _FEED_FILE.fullmatch(path.name)
        if found and found["name"] in withdrawn:
            path.unlink(missing_ok=True)
    with ledger.writing() as connection:
        publication.mark_deleted(connection, names)
        feeds.forget(connection, names)  # those that were published again meanwhile


def publish_feeds(ledger: Ledger, folder: Path, context: FeedContext) -> int:
    """Write the feeds that lack anything into ``folder``, and their archives; return how many.

    Raises:
        FeedsNotWritten: Some could not be written; all the others are.
    """
    publisher = FeedPublisher(ledger, folder, context)
    written = publisher.publish()
    publisher.write_archives()
    publisher.check()
    return written


def _describe(error: OSError, folder: Path) -> str:
    """Return why a file or the folder cannot be written; a write to a full disk names no file."""
    return f"{error.filename or folder}: {error.strerror}"


def make_public_folder(folder: Path) -> None:
    """Create the folder of the feeds, which a web server of another user reads.

    Folders that are created above it can be passed through and not be listed. Those that are there
    keep their permissions.
    """
    missing = [parent for parent in folder.parents if not parent.exists()]
    if folder.is_dir():
        return
    folder.mkdir(parents=True)
    folder.chmod(_PUBLIC_FOLDER)
    for parent in missing:
        parent.chmod(_PASSAGE)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step, so that nobody reads half a file."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), _PUBLIC_FILE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
