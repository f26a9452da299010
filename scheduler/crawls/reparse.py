"""Reading the archive again with today's page objects, without a request and without an alert.

A better reader changes what we know of a page. It does not change what was published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from alerts.ledger import Ledger
from alerts.recording import replace_reading
from crawler.archive import Capture, CaptureFile, read_captures
from crawler.pages import read_question
from crawler.reading import UnreadablePage, canonicalise_path, decode_document
from crawler.records import Question

_HTTP_OK = 200


class ReparseResult(msgspec.Struct, frozen=True):
    """The result of reading the archive again."""

    #: ``captures``, ``other pages`` and pages ``too long`` to be read, and questions by
    #: :data:`alerts.recording.RereadOutcome`.
    counts: dict[str, int]
    differing_fields: dict[str, int]  #: by field: records that differ from the stored ones


def reparse_archive(
    ledger: Ledger,
    files: Sequence[CaptureFile],
    sources: dict[str, str],
    on_page: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    dry_run: bool = False,
) -> ReparseResult:
    """Read the newest capture of every question page, and replace the stored readings.

    Args:
        ledger: Where the readings are stored.
        files: The archive's files, oldest first.
        sources: The host of each source by its name: ``{"london": "www.london.gov.uk"}``.
        on_page: Called after each page with the number of those that are read, and of all.
        dry_run: Report what would be done and change nothing.
    """
    counts: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    for fetched_at, question in _read_newest_captures(files, sources, counts, on_page):
        with ledger.reading() if dry_run else ledger.writing() as connection:
            done = replace_reading(connection, question, fetched_at, dry_run=dry_run)
        counts[done.outcome] += 1
        fields.update(done.fields)
    return ReparseResult({k: n for k, n in counts.items() if n}, dict(fields))


def _read_newest_captures(
    files: Sequence[CaptureFile],
    sources: dict[str, str],
    counts: Counter[str],
    on_page: Callable[[int, int], None],
) -> Iterator[tuple[datetime, Question]]:
    """Yield the question on each page from its newest complete capture, and when it was fetched."""
    newest: dict[str, tuple[datetime, CaptureFile]] = {}
    for file in files:
        for capture in read_captures(file):
            counts["captures"] += 1
            if capture.status == _HTTP_OK:
                newest[capture.url] = (capture.fetched_at, file)
    read = 0
    for file in files:
        for capture in read_captures(file):
            if newest.get(capture.url) != (capture.fetched_at, file):
                continue
            read += 1
            if capture.body is None:
                counts["too long"] += 1
            elif found := _read_capture(capture.body, capture, sources):
                yield capture.fetched_at, found
            else:
                counts["other pages"] += 1
            on_page(read, len(newest))


def _read_capture(body: bytes, capture: Capture, sources: dict[str, str]) -> Question | None:
    """Return the question in a capture, None for other pages such as listings."""
    parts = urlsplit(capture.url)
    name = next((n for n, host in sources.items() if host == parts.netloc), None)
    address = f"{parts.scheme}://{parts.netloc}{canonicalise_path(capture.url)}"
    try:
        return read_question(decode_document(body, address, capture.content_type), name)
    except UnreadablePage:
        return None
