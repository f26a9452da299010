"""Taking a question down everywhere: the ledger, the files of feeds, and the archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from html import escape
from urllib.parse import urlsplit

import msgspec

from alerts.feeds import FeedFolder
from alerts.ledger import takedowns
from alerts.recording import take_down
from crawler.archive import Capture, erase_captures
from crawler.pages import read_question
from crawler.reading import (
    UnreadablePage,
    build_question_id,
    canonicalise_path,
    decode_document,
)
from crawler.records import Question, iter_paragraphs
from scheduler.service import Service

#: Characters of a paragraph that a page is searched for: a listing may cut it, and breaks no line.
_MAX_NEEDLE = 60


class TakedownResult(msgspec.Struct, frozen=True):
    """What was done to take a question down."""

    id: str
    taken_down_at: str
    reason: str
    feeds: int  #: feeds that are written again
    digests_recalled: int  #: composed again without the question
    digests_being_sent: int  #: with the question; they cannot be recalled
    captures_erased: int
    unreadable_archive_files: tuple[str, ...]  #: not searched to their end


def take_question_down(service: Service, question_id: str, reason: str) -> TakedownResult:
    """Mask a question in the ledger, and delete it from feeds and archive.

    Raises:
        UnknownQuestion: There is no such question.
        OSError: A file of a feed or of the archive cannot be written. The ledger is masked, and
            the command can be repeated.
    """
    now = service.clock()
    with service.ledger.writing() as connection:
        done = take_down(connection, question_id, reason, now)
    FeedFolder(service.config.feeds.path).delete_feeds(done.feeds)  # written again next round
    is_unwanted = _make_test(frozenset(done.identities), [done.record])
    erased = erase_captures(service.config.archive.path, is_unwanted, now)
    return TakedownResult(
        id=done.record.id,
        taken_down_at=done.takedown.taken_down_at.isoformat(),
        reason=done.takedown.reason,
        feeds=len(done.feeds),
        digests_recalled=done.recalled,
        digests_being_sent=done.being_sent,
        captures_erased=erased.erased,
        unreadable_archive_files=erased.unreadable_files,
    )


def erase_taken_down(service: Service, source: str, since: datetime) -> int:
    """Erase from the archive what a crawl has brought again; return how many pages.

    Listings name a question for as long as its source shows it.

    Args:
        service: The service.
        source: What was crawled.
        since: When the crawl began; older files are not searched.
    """
    with service.ledger.reading() as connection:
        records = takedowns.list_records(connection, source)
        names = [name for one in records for name in takedowns.list_identities(connection, one.id)]
    if not records:
        return 0
    is_unwanted = _make_test(frozenset(names), records)
    folder, now = service.config.archive.path, service.clock()
    return erase_captures(folder, is_unwanted, now, since=since).erased


def _make_test(
    identities: frozenset[str], records: Sequence[Question]
) -> Callable[[Capture], bool]:
    """Return the test of whether a captured page shows one of some questions.

    It is a page of the question, or another one, such as a listing, that names its address or has
    its words. The page of another question that names it is kept. So is none that is too long to be
    searched: no question was ever read from it.
    """
    needles = frozenset(needle for one in records for needle in _list_needles(one))
    needles |= {identity.partition(":")[2].encode() for identity in identities}
    sources = sorted({one.source for one in records})

    def is_unwanted(capture: Capture) -> bool:
        if any(build_question_id(name, capture.url) in identities for name in sources):
            return True
        if capture.body is None:
            return True
        if not any(needle in capture.body for needle in needles):
            return False
        read = _read_question(capture)
        return read is None or read.id in identities

    return is_unwanted


def _read_question(capture: Capture) -> Question | None:
    """Return the question in a captured page; None for another page, such as a listing."""
    if capture.body is None:
        return None
    parts = urlsplit(capture.url)
    address = f"{parts.scheme}://{parts.netloc}{canonicalise_path(capture.url)}"
    try:
        return read_question(decode_document(capture.body, address, capture.content_type))
    except UnreadablePage:
        return None


def _list_needles(record: Question) -> Iterator[bytes]:
    """Yield what a page that shows a question has in it: title, reference, or first words."""
    words = [text[:_MAX_NEEDLE] for text in iter_paragraphs(record.question)]
    for text in filter(None, (record.title, *words)):
        written = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
        for spelling in {text, escape(text), escape(text, quote=False), *written}:
            yield spelling.encode()
    if record.reference:
        yield json.dumps(record.reference).encode()  # in the listings of an API
