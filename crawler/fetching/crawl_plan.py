"""What crosses the pipe between the daemon and a crawl: a plan goes in, reports come out.

The crawl is a child process that holds no database, so everything it needs to know is in the
plan, and everything it found is in the lines that it prints: one JSON object each, told apart by
their ``type``.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from crawler.records import Question, Record


class ListingWindow(Record, frozen=True):
    """Meeting dates to list, both included."""

    since: date
    until: date


class KnownPage(Record, frozen=True):
    """A known page to look at again, with what the server said of its last version (RFC 9110,
    section 8.8), so that it need not be sent again when it has not changed.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None


class PolitenessSettings(Record, frozen=True):
    """How a source is to be approached."""

    user_agent: str
    delay_seconds: float = 2.0  #: between the ends of two requests to the source
    timeout_seconds: float = 30.0
    max_page_bytes: int = 5_000_000
    max_listing_pages: int = 400  #: in one window; a listing that ignores its filter never ends
    obey_robots: bool = True


class CrawlPlan(Record, frozen=True, kw_only=True):
    """One crawl of one source."""

    source: str
    base_url: str  #: scheme and host, no slash at the end
    politeness: PolitenessSettings
    windows: tuple[ListingWindow, ...] = ()
    known_ids: tuple[str, ...] = ()  #: identities that a listing need not fetch again
    revisits: tuple[KnownPage, ...] = ()  #: pages to look at whatever the listings say
    archive_folder: str | None = None  #: folder for the captures; none are kept without one
    max_seconds: float = 0  #: the crawl ends in good order after so long; 0: never


class QuestionRead(Record, frozen=True, tag="read", tag_field="type"):
    """A question page was read."""

    question: Question
    visited: str | None = None  #: the identity that was asked for, where a redirect led elsewhere
    etag: str | None = None
    last_modified: str | None = None
    capture: str | None = None  #: where the page stands in the archive


class PageUnchanged(Record, frozen=True, tag="unchanged", tag_field="type"):
    """The server says that a page is as it was at our last visit (304)."""

    id: str


class PageRefused(Record, frozen=True, tag="refused", tag_field="type"):
    """The server refuses one page (401 or 403) while it serves others: it is not published."""

    id: str
    url: str
    status: int


class PageGone(Record, frozen=True, tag="gone", tag_field="type"):
    """The server says that a page that we know is not there (404 or 410)."""

    id: str
    status: int


class PageUnreadable(Record, frozen=True, tag="unreadable", tag_field="type"):
    """A page came that no page object could read."""

    url: str
    reason: str


class CrawlReport(Record, frozen=True, tag="report", tag_field="type", kw_only=True):
    """The last line: what the crawl did. It is judged by this, never by an exit status."""

    started_at: datetime
    finished_at: datetime
    finish_reason: str
    requests: int = 0
    listing_pages: int = 0
    listed: int = 0  #: questions named by the listings
    outside_window: int = 0  #: of the dated ones, those that we had not asked for
    listings_unknown: int = 0  #: listing pages without a row and without the listing's furniture
    listings_cut: int = 0  #: windows left at the ceiling of listing pages
    fetched: int = 0
    read: int = 0
    suspect: int = 0
    unreadable: int = 0
    gone: int = 0
    unchanged: int = 0  #: visits answered with 304
    refused: int = 0  #: answers 401, 403 and 429, but for single pages that are not published
    unpublished: int = 0  #: pages refused while others were served
    failed: int = 0  #: requests that brought no page
    listings_failed: int = 0
    listings_short: int = 0  #: listing pages that show more questions than they link to
    redirects_refused: int = 0  #: answers that would have led away from the source
    missing: tuple[str, ...] = ()  #: the first few addresses that a listing named and we lack
    #: how often each field was there, and of how many pages it was expected on
    filled: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    #: by field: pages on which both readings found the same, and those on which they did not
    agreed: dict[str, int] = msgspec.field(default_factory=dict)
    differed: dict[str, int] = msgspec.field(default_factory=dict)
    errors: tuple[str, ...] = ()  #: the first few failures, a line each
    peak_megabytes: int = 0  #: the most memory that the crawl's process held


CrawlLine = QuestionRead | PageUnchanged | PageRefused | PageGone | PageUnreadable | CrawlReport


def decode_crawl_line(line: bytes) -> CrawlLine:
    """One printed line; raises ``msgspec.MsgspecError`` for anything else."""
    decoded: CrawlLine = msgspec.json.decode(line, type=CrawlLine)
    return decoded
