"""What crosses the pipe between the daemon and a crawl: a plan goes in, reports come out.

The crawl is a child process that holds no database, so everything it needs to know is in the
plan, and everything it found is in the lines that it prints: one JSON object each, told apart by
their ``type``.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from crawler.records import Question, Record


class Window(Record, frozen=True):
    """Meeting dates to list, both included."""

    since: date
    until: date


class Manners(Record, frozen=True):
    """How a source is to be approached."""

    user_agent: str
    delay_seconds: float = 2.0  #: between the ends of two requests to the source
    timeout_seconds: float = 30.0
    max_page_bytes: int = 5_000_000
    max_listing_pages: int = 400  #: in one window; a listing that ignores its filter never ends
    obey_robots: bool = True


class Plan(Record, frozen=True, kw_only=True):
    """One crawl of one source."""

    source: str
    base_url: str  #: scheme and host, no slash at the end
    manners: Manners
    windows: tuple[Window, ...] = ()
    known: tuple[str, ...] = ()  #: identities that a listing need not fetch again
    revisit: tuple[str, ...] = ()  #: addresses to fetch whatever the listings say


class Read(Record, frozen=True, tag="read", tag_field="type"):
    """A question page was read."""

    question: Question
    visited: str | None = None  #: the identity that was asked for, where a redirect led elsewhere


class Gone(Record, frozen=True, tag="gone", tag_field="type"):
    """The server says that a page that we know is not there (404 or 410)."""

    id: str
    status: int


class Unreadable(Record, frozen=True, tag="unreadable", tag_field="type"):
    """A page came that no page object could read."""

    url: str
    reason: str


class Report(Record, frozen=True, tag="report", tag_field="type", kw_only=True):
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
    refused: int = 0  #: answers 401, 403 and 429
    failed: int = 0  #: requests that brought no page
    listings_failed: int = 0
    errors: tuple[str, ...] = ()  #: the first few failures, a line each


Line = Read | Gone | Unreadable | Report


def decode_line(line: bytes) -> Line:
    """One printed line; raises ``msgspec.MsgspecError`` for anything else."""
    decoded: Line = msgspec.json.decode(line, type=Line)
    return decoded
