"""Written questions of the UK Parliament, from its API; people are sent to the website's pages.

A list of the questions tabled on some days is used to find them and for nothing else: it cuts
their texts, the question's without a mark, and its flags for holding replies and withdrawals are
out of date. Every text comes from the call for a single question.

Late answers and corrections are found by revisits, as for every source. The API could list the
questions answered or corrected on some days, which takes far fewer requests than visiting every
open question. But such a list does not say which answers are new to us, and the plan does not say
which known questions are still open, so each crawl would fetch all answers of those days again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import msgspec
import scrapy
from scrapy.http import Response

from crawler.fetching import SourceSpider
from crawler.pages.uk_parliament import DETAIL_URL, TabledQuestion
from crawler.plan import ListingWindow
from crawler.reading import canonicalise_path
from crawler.records import decode_json
from crawler.report import CrawlLine

API_PATH = "/api/writtenquestions/questions"

_DETAIL_PATH = urlsplit(DETAIL_URL).path
#: Day and number of a question, in the address of its call and of its page.
_QUESTION_PATH = re.compile(rf"(?:{API_PATH}|{_DETAIL_PATH})(/\d{{4}}-\d\d-\d\d/[^/]+)")
#: Rows to ask for at a time. If the server returns fewer, the rest is still requested.
_ROWS_PER_PAGE = 100


class _ListRow(msgspec.Struct, frozen=True):
    value: TabledQuestion


class _ListResponse(msgspec.Struct, frozen=True, rename="camel"):
    total_results: int
    results: tuple[_ListRow, ...]


class _QuestionFlags(msgspec.Struct, frozen=True, rename="camel"):
    is_withdrawn: bool | None = None


class _QuestionResponse(msgspec.Struct, frozen=True):
    value: _QuestionFlags


class UKParliamentSpider(SourceSpider):
    """The spider of written questions to ministers, of both Houses."""

    name = "uk-parliament"
    home_url = "https://questions-statements-api.parliament.uk"
    custom_settings = {"DEFAULT_REQUEST_HEADERS": {"Accept": "application/json"}}  # noqa: RUF012  # Scrapy declares it so

    def build_request_url(self, url: str) -> str:
        """Return the API's address for the question at ``url``, with member names and parties."""
        path = canonicalise_path(url)
        if path.startswith(f"{_DETAIL_PATH}/"):
            path = API_PATH + path.removeprefix(_DETAIL_PATH)
        return f"{self.plan.base_url}{path}?expandMember=true"

    def canonicalise_url(self, url: str) -> str:
        """Return the address of the page for a page's address or the API's, where it is known."""
        path = canonicalise_path(url)
        place = _QUESTION_PATH.fullmatch(path)
        return DETAIL_URL + place[1] if place else self.plan.base_url + path

    def build_listing_requests(self, window: ListingWindow) -> Iterator[scrapy.Request]:
        """Yield the request for the first page of the questions tabled in ``window``."""
        yield self._build_listing_request(window, 0, 0)

    def _build_listing_request(self, window: ListingWindow, page: int, skip: int) -> scrapy.Request:
        query = {
            "tabledWhenFrom": window.since.isoformat(),
            "tabledWhenTo": window.until.isoformat(),
            "questionStatus": "AllQuestions",
            "includeWithdrawn": "false",
            "take": _ROWS_PER_PAGE,
            "skip": skip,
        }
        return scrapy.Request(
            f"{self.plan.base_url}{API_PATH}?{urlencode(query)}",
            callback=self.parse_listing,
            errback=self.handle_failure,
            cb_kwargs={"window": window, "page": page, "skip": skip},
            dont_filter=True,  # a redirect that Scrapy filters is reported nowhere
        )

    def parse_listing(
        self, response: Response, window: ListingWindow, page: int, skip: int
    ) -> Iterator[scrapy.Request | CrawlLine]:
        """Yield requests for unknown questions, and for the next page until all are listed."""
        self.counts["listing_pages"] += 1
        try:
            found = decode_json(response.body, _ListResponse)
        except msgspec.MsgspecError as error:
            self.counts["listings_unknown"] += 1
            self.add_failure("listing", str(error), response.url)
            return
        self.counts["listed"] += len(found.results)
        yield self.record_listing(window, [row.value.detail_url for row in found.results])
        for row in found.results:
            inside = window.since <= row.value.date_tabled.date() <= window.until
            self.counts["outside_window"] += not inside
            yield from self.request_if_unknown(row.value.detail_url)
        reached = skip + len(found.results)
        if reached >= found.total_results:
            return
        if not found.results:
            self.counts["listings_short"] += 1
        elif page + 1 >= self.plan.politeness.max_listing_pages:
            self.counts["listings_cut"] += 1
        else:
            yield self._build_listing_request(window, page + 1, reached)

    def parse_question(self, response: Response, visited: str) -> Iterator[CrawlLine]:
        """Read one question. A withdrawn one is reported as gone (410), as its page says."""
        if not _is_withdrawn(response):
            yield from super().parse_question(response, visited)
            return
        yield from self.resolve_refusals()
        self.counts["fetched"] += 1
        yield self.record_gone(visited, 410)


def _is_withdrawn(response: Response) -> bool:
    try:
        single = decode_json(response.body, _QuestionResponse)
    except msgspec.MsgspecError:
        return False  # the page object reports what is wrong
    return bool(single.value.is_withdrawn)
