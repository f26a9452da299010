"""The step from match to feed: files that any web server can serve.

A file is replaced whole, and a feed is noted as published only afterwards; killed between the
two, the next run writes the very same bytes again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy.exc import DBAPIError

from alerts.feeds.definitions import (
    FEED_PAGE_SIZE,
    FeedDefinition,
    build_archive_page,
    build_content,
    define_everything_feed,
    define_topic_feed,
)
from alerts.feeds.model import MEDIA_TYPES, ArchivePosition, FeedContent, FeedIdentity
from alerts.feeds.xml import build_feed
from alerts.ledger import Ledger, changes, feeds, matches, notices, topics
from alerts.ledger.topics import EVERYTHING_FEED
from alerts.rendering import Templates

#: So many pages of archives are written in one round, and so many feeds for a notice alone: some
#: seconds, in which nobody's digest goes out.
_MAX_ARCHIVE_PAGES = 20
_MAX_NOTICE_FEEDS = 200
#: Feeds are written for so long in one round; the others follow in the next: digests wait.
_TIME_LIMIT = 20.0
#: The file that says what the feeds beside it were made for.
_IDENTITY_FILE = "made-for"

log = logging.getLogger("watchword.feeds")


class FeedPublisher:
    """Writes feeds into a folder."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        feed_identity: FeedIdentity,
        templates: Templates,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._folder, self._monotonic = ledger, folder, monotonic
        self._imprint, self._templates = feed_identity, templates
        self.failed_count = 0  #: feeds, or pages of one, that could not be written

    def publish(self) -> int:
        """Write the feeds that lack a match or a notice, for some seconds; how many."""
        end = self._monotonic() + _TIME_LIMIT
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_lost_files()
        with self._ledger.reading() as connection:
            told = notices.get_newest_id(connection)
            stale = topics.list_unpublished(connection)
            known = {topic.id for topic in stale}
            late = topics.list_without_notice(connection, told, _MAX_NOTICE_FEEDS)
            stale += [topic for topic in late if topic.id not in known]
        written = self._publish_everything(told)
        for topic in stale:
            if self._monotonic() > end:
                log.info("not all of %d feeds could be written in this round", len(stale))
                break
            with self._ledger.reading() as connection:
                reached = matches.get_newest_seq(connection, topic.id)
            with self._log_failure(topic.slug):
                self._publish_feed(define_topic_feed(topic), reached, told)
                written += 1
        return written

    def _forget_lost_files(self) -> None:
        """Forget all files where they are gone, or were made for another address, name or hub."""
        wanted = hashlib.sha256(msgspec.json.encode(self._imprint)).hexdigest()
        mark = self._folder / _IDENTITY_FILE
        with self._ledger.reading() as connection:
            is_filed = feeds.get(connection, EVERYTHING_FEED) is not None
        is_there = not is_filed or (self._folder / f"{EVERYTHING_FEED}.atom.xml").is_file()
        if is_there and mark.is_file() and mark.read_text() == wanted:
            return
        with self._ledger.writing() as connection:
            feeds.delete_all(connection)
        replace_file(
            mark, wanted.encode()
        )  # only now: killed before, the next run forgets them again

    @contextmanager
    def _log_failure(self, name: str) -> Iterator[None]:
        """The boundary around each feed: one that cannot be written holds up no other, nor digests.

        It is tried again in the next round. A ledger that cannot be used is no feed's fault.
        """
        try:
            yield
        except DBAPIError:
            raise
        except Exception:
            self.failed_count += 1
            log.exception("the feed %s cannot be written; it is tried again", name)

    def _publish_everything(self, newest_notice: int) -> int:
        with self._ledger.reading() as connection:
            filed, newest = (
                feeds.get(connection, EVERYTHING_FEED),
                changes.get_newest_seq(connection),
            )
            subject = define_everything_feed(connection)
        if filed and (newest, newest_notice) == (filed.published_up_to, filed.notices_up_to):
            return 0
        refused = self.failed_count
        with self._log_failure(EVERYTHING_FEED):
            self._publish_feed(subject, newest, newest_notice)
        return int(self.failed_count == refused)

    def _publish_feed(
        self, definition: FeedDefinition, newest_change: int, newest_notice: int
    ) -> None:
        assert definition.count_changes is not None
        with self._ledger.reading() as connection:
            numbers = definition.list_newest(connection, ())
            parts = (definition, numbers, self._imprint, self._templates)
            content = build_content(connection, *parts)
            pages = definition.count_changes(connection) // FEED_PAGE_SIZE
        self._write_files(definition, content, ArchivePosition(pages))
        with self._ledger.writing() as connection:
            feeds.mark_published(
                connection,
                definition.metadata.base_path,
                up_to=newest_change,
                notices_up_to=newest_notice,
                archive_pages=pages,
            )

    def write_archives(self) -> int:
        """Write pages of archives that have become full; how many, of those that are to be."""
        left = _MAX_ARCHIVE_PAGES
        with self._ledger.reading() as connection:
            waiting = feeds.list_unwritten(connection)
        for filed in waiting:
            # From the last one written: that it has a page after it is new in it.
            first = max(1, filed.written_pages)
            with self._log_failure(filed.name):
                for number in range(first, min(filed.archive_pages, first + left) + 1):
                    left -= 1
                    self._write_archive_page(filed.name, number, filed.archive_pages)
            if left <= 0:
                break
        return _MAX_ARCHIVE_PAGES - left

    def _write_archive_page(self, name: str, number: int, pages: int) -> None:
        with self._ledger.reading() as connection:
            topic = topics.find_by_slug(connection, name)
            subject = define_topic_feed(topic) if topic else define_everything_feed(connection)
            content = build_archive_page(
                connection, subject, number, self._imprint, self._templates
            )
        # The page after it is a file of the same round, or of the next.
        self._write_files(subject, content, ArchivePosition(pages, number))
        with self._ledger.writing() as connection:
            feeds.mark_written(connection, name, number)

    def _write_files(
        self, definition: FeedDefinition, content: FeedContent, position: ArchivePosition
    ) -> None:
        made = build_feed(definition.metadata, content, self._imprint, position)
        page = f".{position.page_number}" if position.page_number else ""
        for ending in ["atom.xml"] if position.page_number else MEDIA_TYPES:
            replace_file(
                self._folder / f"{definition.metadata.base_path}{page}.{ending}", made[ending]
            )


def publish_feeds(
    ledger: Ledger, folder: Path, feed_identity: FeedIdentity, templates: Templates
) -> int:
    """Write the feeds that lack something into ``folder``, and their archives; how many feeds."""
    press = FeedPublisher(ledger, folder, feed_identity, templates)
    done = press.publish()
    press.write_archives()
    return done


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one move, so that nobody ever reads half a file."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
