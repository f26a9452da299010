"""london.gov.uk since December 2022: questions are found by a search over meeting dates.

There is no page of a meeting and no feed. The listing has ten rows a page. The text in a row is
shortened, so only the link and the date of a row are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import scrapy
from scrapy.http import Response, TextResponse

from crawler.fetching import SourceSpider
from crawler.plan import ListingWindow
from crawler.reading import canonicalise_path
from crawler.reading.dates import read_date
from crawler.reading.documents import is_cut_html
from crawler.report import CrawlLine

LISTING_PATH = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"

_ROWS_PER_PAGE = 10
_ROW_DATE = re.compile(r"Meeting date:\s*(\d{1,2} \w+ \d{4})")
#: Printed in every row, and nowhere else on the page with a colon.
_ROW_MARKER = re.compile(r"Question by:")
#: Printed on a listing even if it has no rows.
_LISTING_MARKERS = re.compile(
    r"Search questions|Filter results|No results|no questions", re.IGNORECASE
)
#: Parts of a page that every page of the site has, also one that says "try again later".
_FURNITURE = " or ".join(
    [f"ancestor::{name}" for name in ("header", "footer", "nav", "script", "style", "title")]
    + [
        f"ancestor::*[contains(concat(@class, ' ', @id, ' ', @role), '{word}')]"
        for word in ("header", "footer", "nav", "menu", "banner", "contentinfo")
    ]
)
_MAIN_TEXT = f".//text()[not({_FURNITURE})]"


class LondonSpider(SourceSpider):
    """The spider of the London Assembly's questions."""

    name = "london"
    home_url = "https://www.london.gov.uk"

    #: Format of dates in the search form. It could not be checked against the live site, so the
    #: dates of the rows are compared with the window asked for (``outside_window``).
    date_format = "%d-%m-%Y"

    def build_listing_requests(self, window: ListingWindow) -> Iterator[scrapy.Request]:
        """Yield the request for the first page of the listing of ``window``."""
        yield self._build_listing_request(window, 0)

    def _build_listing_request(
        self, window: ListingWindow, page: int, seen: int | None = None
    ) -> scrapy.Request:
        query = {
            "date_from": window.since.strftime(self.date_format),
            "date_to": window.until.strftime(self.date_format),
            "question_text": "",
            "sort_by": "date",
            "sort_order": "DESC",
            "page": page,
        }
        return scrapy.Request(
            f"{self.plan.base_url}{LISTING_PATH}?{urlencode(query)}",
            callback=self.parse_listing,
            errback=self.handle_failure,
            cb_kwargs={"window": window, "page": page, "seen": seen},
            dont_filter=True,  # a redirect that Scrapy filters is reported nowhere
        )

    def parse_listing(
        self, response: Response, window: ListingWindow, page: int, seen: int | None = None
    ) -> Iterator[scrapy.Request | CrawlLine]:
        """Yield requests for unknown questions, and for the next page if this one is full.

        In the first crawl of a source, the page that ends a listing is asked for once more: what a
        passing fault hides would later look new. ``seen`` is how many rows it had the first time.
        """
        self.counts["listing_pages"] += 1
        links = self._extract_links(response)
        self.counts["listed"] += max(0, len(links) - (seen or 0))
        if seen is None or len(links) > seen:
            self._check_listing(response, window, links, page)
        yield self.record_listing(window, links)
        for link in links:
            yield from self.request_if_unknown(link)
        if len(links) < _ROWS_PER_PAGE:
            if seen is None and not self.plan.known_ids:
                yield self._build_listing_request(window, page, len(links))
            return
        if page + 1 >= self.plan.politeness.max_listing_pages:
            self.counts["listings_cut"] += 1
            return
        yield self._build_listing_request(window, page + 1)

    @staticmethod
    def _extract_links(response: Response) -> list[str]:
        """Return the paths of the questions on a listing, in order, without duplicates.

        Links to the listing itself are left out.
        """
        paths: dict[str, Any] = {}
        for href in response.css("a::attr(href)").getall():
            path = canonicalise_path(response.urljoin(href))
            if path.startswith(LISTING_PATH + "/"):
                paths.setdefault(path)
        return list(paths)

    def _check_listing(
        self, response: Response, window: ListingWindow, links: list[str], page: int
    ) -> None:
        """Count signs that a listing ignores the dates, is not a listing, or hides links."""
        text = response.text if isinstance(response, TextResponse) else ""
        days = [read_date(found) for found in _ROW_DATE.findall(text)]
        outside = [d for d in days if d and not window.since <= d <= window.until]
        self.counts["outside_window"] += len(outside)
        if not links and not _LISTING_MARKERS.search(_extract_main_text(response)):
            self.counts["listings_unknown"] += 1
        if is_cut_html(text):
            self.counts["listings_short"] += 1
            self.add_failure("listing", "the page has no end: it was cut", response.url)
        if len(links) < _ROWS_PER_PAGE and _links_to_later_page(response, page):
            self.counts["listings_short"] += 1
            shown = f"page {page + 1} links to a later page and names {len(links)} questions"
            self.add_failure("listing", shown, response.url)
        if (rows := len(_ROW_MARKER.findall(text))) > len(links):
            self.counts["listings_short"] += 1
            shown = f"{rows} questions are shown and {len(links)} linked to"
            self.add_failure("listing", shown, response.url)


def _extract_main_text(response: Response) -> str:
    """Return the text of a page without the parts that every page of the site has."""
    if not isinstance(response, TextResponse):
        return ""
    main = response.css("main, [role=main]")[:1] or response.css("body")
    return " ".join(main.xpath(_MAIN_TEXT).getall())


def _links_to_later_page(response: Response, page: int) -> bool:
    """Return whether a page of a listing links to one of its later pages."""
    for href in response.css("a::attr(href)").getall():
        parts = urlsplit(response.urljoin(href))
        named = parse_qs(parts.query).get("page", ["0"])[-1]
        is_listing = canonicalise_path(parts.path) == LISTING_PATH
        if is_listing and named.isdecimal() and int(named) > page:
            return True
    return False
