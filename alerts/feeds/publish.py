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

from alerts.feeds.items import Content
from alerts.feeds.json_feed import Imprint
from alerts.feeds.kinds import ENTRIES, Subject, archived, content_of, of_everything, of_topic
from alerts.feeds.xml import FORMATS, Archive, build
from alerts.ledger import Ledger, changes, feeds, matches, notices, topics
from alerts.ledger.topics import EVERYTHING
from alerts.rendering.templates import Templates

#: So many pages of archives are written in one round, and so many feeds for a notice alone: some
#: seconds, in which nobody's digest goes out.
_PAGES = 20
_NOTICED = 200
#: Feeds are written for so long in one round; the others follow in the next: digests wait.
_SECONDS = 20.0
#: The file that says what the feeds beside it were made for.
_MARK = "made-for"

log = logging.getLogger("watchword.feeds")


class Press:
    """Writes feeds into a folder."""

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        imprint: Imprint,
        templates: Templates,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._folder, self._ticks = ledger, folder, ticks
        self._imprint, self._templates = imprint, templates
        self.refused = 0  #: feeds, or pages of one, that could not be written

    def publish(self) -> int:
        """Write the feeds that lack a match or a notice, for some seconds; how many."""
        end = self._ticks() + _SECONDS
        self._folder.mkdir(parents=True, exist_ok=True)
        self._begin_anew_where_they_are_lost()
        with self._ledger.reading() as connection:
            told = notices.newest_number(connection)
            stale = topics.unpublished(connection)
            known = {topic.id for topic in stale}
            late = topics.unnoticed(connection, told, _NOTICED)
            stale += [topic for topic in late if topic.id not in known]
        written = self._publish_everything(told)
        for topic in stale:
            if self._ticks() > end:
                log.info("not all of %d feeds could be written in this round", len(stale))
                break
            with self._ledger.reading() as connection:
                reached = matches.newest_number(connection, topic.id)
            with self._by_itself(topic.slug):
                self._publish_one(of_topic(topic), reached, told)
                written += 1
        return written

    def _begin_anew_where_they_are_lost(self) -> None:
        """Forget all files where they are gone, or were made for another address, name or hub."""
        wanted = hashlib.sha256(msgspec.json.encode(self._imprint)).hexdigest()
        mark = self._folder / _MARK
        with self._ledger.reading() as connection:
            is_filed = feeds.get(connection, EVERYTHING) is not None
        is_there = not is_filed or (self._folder / f"{EVERYTHING}.atom.xml").is_file()
        if is_there and mark.is_file() and mark.read_text() == wanted:
            return
        with self._ledger.writing() as connection:
            feeds.forget_all(connection)
        replace(mark, wanted.encode())  # only now: killed before, the next run forgets them again

    @contextmanager
    def _by_itself(self, name: str) -> Iterator[None]:
        """The boundary around each feed: one that cannot be written holds up no other, nor digests.

        It is tried again in the next round. A ledger that cannot be used is no feed's fault.
        """
        try:
            yield
        except DBAPIError:
            raise
        except Exception:
            self.refused += 1
            log.exception("the feed %s cannot be written; it is tried again", name)

    def _publish_everything(self, told: int) -> int:
        with self._ledger.reading() as connection:
            filed, newest = feeds.get(connection, EVERYTHING), changes.newest(connection)
            subject = of_everything(connection)
        if filed and (newest, told) == (filed.published_to, filed.noticed_to):
            return 0
        refused = self.refused
        with self._by_itself(EVERYTHING):
            self._publish_one(subject, newest, told)
        return int(self.refused == refused)

    def _publish_one(self, subject: Subject, reached: int, told: int) -> None:
        assert subject.count is not None
        with self._ledger.reading() as connection:
            numbers = subject.newest(connection, ())
            parts = (subject, numbers, self._imprint, self._templates)
            content = content_of(connection, *parts)
            pages = subject.count(connection) // ENTRIES
        self._write(subject, content, Archive(pages))
        with self._ledger.writing() as connection:
            feeds.published(connection, subject.head.name, to=reached, noticed_to=told, pages=pages)

    def file_archives(self) -> int:
        """Write pages of archives that have become full; how many, of those that are to be."""
        left = _PAGES
        with self._ledger.reading() as connection:
            waiting = feeds.unfiled(connection)
        for filed in waiting:
            # From the last one written: that it has a page after it is new in it.
            first = max(1, filed.filed)
            with self._by_itself(filed.name):
                for number in range(first, min(filed.pages, first + left) + 1):
                    left -= 1
                    self._file(filed.name, number, filed.pages)
            if left <= 0:
                break
        return _PAGES - left

    def _file(self, name: str, number: int, pages: int) -> None:
        with self._ledger.reading() as connection:
            topic = topics.by_slug(connection, name)
            subject = of_topic(topic) if topic else of_everything(connection)
            content = archived(connection, subject, number, self._imprint, self._templates)
        # The page after it is a file of the same round, or of the next.
        self._write(subject, content, Archive(pages, number))
        with self._ledger.writing() as connection:
            feeds.file_up_to(connection, name, number)

    def _write(self, subject: Subject, content: Content, archive: Archive) -> None:
        made = build(subject.head, content, self._imprint, archive)
        page = f".{archive.number}" if archive.number else ""
        for ending in ["atom.xml"] if archive.number else FORMATS:
            replace(self._folder / f"{subject.head.name}{page}.{ending}", made[ending])


def publish(ledger: Ledger, folder: Path, imprint: Imprint, templates: Templates) -> int:
    """Write the feeds that lack something into ``folder``, and their archives; how many feeds."""
    press = Press(ledger, folder, imprint, templates)
    done = press.publish()
    press.file_archives()
    return done


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one move, so that nobody ever reads half a file."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
