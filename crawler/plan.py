"""The plan of a crawl: what the parent process writes to a crawl's standard input.

A crawl is a child process without a database. Everything that it must know is in the plan, and
everything that it found is in the lines that it prints (:mod:`crawler.report`).
"""

from __future__ import annotations

from datetime import date

from crawler.records import Record

#: The longest page that is read, in bytes, unpacked. Question pages have tens of kilobytes.
MAX_PAGE_BYTES = 5_000_000


class ListingWindow(Record, frozen=True):
    """A range of meeting dates to list; both ends are included."""

    since: date
    until: date


class KnownPage(Record, frozen=True):
    """A known page to visit again.

    The validators are those of the stored version (RFC 9110, section 8.8). With them the server
    can answer 304 instead of sending an unchanged page again.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None


class PolitenessSettings(Record, frozen=True):
    """Limits that a crawl keeps towards the source."""

    user_agent: str
    delay_seconds: float = 2.0  #: from the end of one request to the start of the next
    timeout_seconds: float = 30.0
    max_page_bytes: int = MAX_PAGE_BYTES
    #: Per window. A listing that ignores its date filter would otherwise have no end.
    max_listing_pages: int = 400
    obey_robots: bool = True


class CrawlPlan(Record, frozen=True, kw_only=True):
    """One crawl of one source."""

    source: str  #: name of the spider: ``london``
    base_url: str  #: scheme and host, without a trailing slash: ``https://www.london.gov.uk``
    politeness: PolitenessSettings
    windows: tuple[ListingWindow, ...] = ()
    known_ids: tuple[str, ...] = ()  #: questions that are not fetched when a listing names them
    revisits: tuple[KnownPage, ...] = ()  #: pages that are fetched whatever the listings name
    max_questions: int = 0  #: how many of those that listings name are fetched; 0: no limit
    archive_folder: str | None = None  #: folder for captures; None: captures are not kept
    max_seconds: float = 0  #: the crawl stops, with a report, after this time; 0: no limit
