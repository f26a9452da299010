"""The lines that a crawl prints: one JSON object each, told apart by their ``type``.

The last line is the :class:`CrawlReport`. A crawl is judged by it and never by its exit status:
a Scrapy process whose spider failed on every page still exits with status 0.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from crawler.records import Question, Record

FailureKind = Literal[
    "http",  # the server answered with an error status
    "network",  # no answer came: DNS, connection, TLS, timeout
    "redirect_refused",  # the answer would have led away from the source
    "robots",  # robots.txt forbids the request or could not be fetched
    "truncated",  # a compressed body ends early or cannot be unpacked
    "listing",  # a listing cannot be read, or shows more questions than it links to
    "archive",  # a capture could not be written
    "crash",  # an exception in our own code
]


class CrawlFailure(Record, frozen=True):
    """One thing that went wrong during a crawl."""

    kind: FailureKind
    detail: str  #: one line, at most 300 characters: ``HTTP 500``
    url: str | None = None  #: None where no single request failed

    def __str__(self) -> str:
        """Return the failure as one line: ``https://www.london.gov.uk/x: HTTP 500``."""
        return f"{self.url}: {self.detail}" if self.url else self.detail


class QuestionRead(Record, frozen=True, tag="read", tag_field="type"):
    """A question page that was read."""

    question: Question
    visited: str | None = None  #: id of the page requested, where a redirect led to another one
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: place in the archive: ``london-20260716T120000-1.warc.gz:512``


class QuestionsListed(Record, frozen=True, tag="listed", tag_field="type"):
    """One page of a listing: the days that it was asked for, and the questions that it names."""

    since: date
    until: date
    ids: tuple[str, ...]


class PageUnchanged(Record, frozen=True, tag="unchanged", tag_field="type"):
    """A page that has not changed since our last visit (HTTP 304)."""

    id: str


class PageRefused(Record, frozen=True, tag="refused", tag_field="type"):
    """A page that the server refuses (401, 403) while it serves others: it is not published."""

    id: str
    url: str
    status: int


class PageGone(Record, frozen=True, tag="gone", tag_field="type"):
    """A known page that the server no longer has (404, 410)."""

    id: str
    status: int


class PageUnreadable(Record, frozen=True, tag="unreadable", tag_field="type"):
    """A page that no page object could read."""

    url: str
    reason: str
    id: str | None = None  #: of the page requested


class CrawlReport(Record, frozen=True, tag="report", tag_field="type", kw_only=True):
    """What a crawl did."""

    started_at: datetime
    finished_at: datetime
    finish_reason: str  #: Scrapy's (``finished``, ``closespider_timeout``), or ``refused``
    requests: int = 0
    listing_pages: int = 0
    listed: int = 0  #: questions that the listings link to
    outside_window: int = 0  #: listed questions whose date lies outside the window asked for
    listings_unknown: int = 0  #: listing pages without a row and without the marks of a listing
    listings_cut: int = 0  #: windows abandoned at ``max_listing_pages``
    listings_failed: int = 0
    listings_short: int = 0  #: listing pages that show more questions than they link to
    fetched: int = 0
    read: int = 0
    suspect: int = 0
    unreadable: int = 0
    gone: int = 0
    unchanged: int = 0  #: visits answered with 304
    refused: int = 0  #: answers 401, 403 and 429 that are not about a single unpublished page
    unpublished: int = 0  #: pages refused while others were served
    failed: int = 0  #: requests that brought no page
    captures_lost: int = 0  #: pages that were read and could not be kept in the archive
    redirects_refused: int = 0  #: answers that would have led away from the source
    resume_at: datetime | None = None  #: until when the source asked to be left alone
    #: Addresses that were listed and not read, or known and unreadable, each with its reason in
    #: brackets; the first 20.
    missing: tuple[str, ...] = ()
    #: By field: on how many pages it was found, and on how many it was expected.
    filled: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    #: By field: pages on which both readings agree, and on which they differ.
    agreed: dict[str, int] = msgspec.field(default_factory=dict)
    differed: dict[str, int] = msgspec.field(default_factory=dict)
    failures: tuple[CrawlFailure, ...] = ()  #: the first 20
    peak_megabytes: int = 0  #: largest resident memory of the crawl's process

    @property
    def has_whole_listings(self) -> bool:
        """Whether the listings were read to their end, as far as the crawl itself knows."""
        return (
            self.finish_reason == "finished" and not self.listings_failed and not self.listings_cut
        )

    @property
    def first_failure(self) -> str | None:
        """The first failure as one line, None when there was none."""
        return str(self.failures[0]) if self.failures else None


CrawlLine = (
    QuestionRead
    | QuestionsListed
    | PageUnchanged
    | PageRefused
    | PageGone
    | PageUnreadable
    | CrawlReport
)


def decode_crawl_line(line: bytes) -> CrawlLine:
    """Return the record in one printed line.

    Raises:
        msgspec.MsgspecError: The line is not one of ours, or a field is missing or unknown.
    """
    decoded: CrawlLine = msgspec.json.decode(line, type=CrawlLine)
    return decoded


def decode_stored_report(stored: str | None) -> CrawlReport | None:
    """Return a report from the ledger, which another version of this code may have written.

    Unknown fields are ignored. Failures are left out: later crawls are compared with the counts.

    Returns:
        None where no report was stored, or where it cannot be read.
    """
    try:
        fields = msgspec.json.decode(stored or "{}", type=dict[str, Any])
        counts = {name: value for name, value in fields.items() if name in _STORED_FIELDS}
        return msgspec.convert(counts, CrawlReport)
    except msgspec.MsgspecError:
        return None


_STORED_FIELDS = frozenset(CrawlReport.__struct_fields__) - {"failures"}
