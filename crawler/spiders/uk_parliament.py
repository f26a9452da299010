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
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import scrapy
from scrapy.http import Response
from twisted.python.failure import Failure

from crawler.fetching import SourceSpider, describe_error
from crawler.pages.uk_parliament import (
    DETAIL_URL,
    TRUNCATED_QUESTION_LENGTH,
    TabledQuestion,
)
from crawler.plan import ListingWindow
from crawler.reading import canonicalise_path
from crawler.records import decode_json
from crawler.report import CrawlLine

API_PATH = "/api/writtenquestions/questions"

_DETAIL_PATH = urlsplit(DETAIL_URL).path
#: Day and number of a question, in the address of its call and of its page.
_QUESTION_PATH = re.compile(rf"(?:{API_PATH}|{_DETAIL_PATH})(/\d{{4}}-\d\d-\d\d/[^/]+)")
#: What each call for a single question asks for: the members' names, and questions of any session.
#: Where the API's default is the current session, all known questions are gone with a new one.
_SINGLE_QUERY = "expandMember=true&sessionStatus=Any"
#: Rows to ask for at a time. If the server returns fewer, the rest is still requested.
_ROWS_PER_PAGE = 100


class _ListedQuestion(msgspec.Struct, frozen=True, rename="camel"):
    uin: str | None
    date_tabled: datetime | None

    @property
    def identified(self) -> TabledQuestion | None:
        """The question; None for a row without number or day, which the API's schema allows."""
        if not self.uin or self.date_tabled is None:
            return None
        return TabledQuestion(self.uin, self.date_tabled)


class _ListRow(msgspec.Struct, frozen=True):
    value: _ListedQuestion


class _ListResponse(msgspec.Struct, frozen=True, rename="camel"):
    total_results: int
    results: tuple[_ListRow, ...] | None


class _QuestionFlags(msgspec.Struct, frozen=True, rename="camel"):
    id: int | None = None
    question_text: str | None = None
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
        return f"{self.plan.base_url}{path}?{_SINGLE_QUERY}"

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
            "sessionStatus": "Any",
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
        results = found.results or ()
        rows = [question for row in results if (question := row.value.identified)]
        if len(rows) < len(results):
            self.counts["listings_short"] += 1
            self.add_failure("listing", "a row has no number or no day", response.url)
        self.counts["listed"] += len(rows)
        yield self.record_listing(window, [question.detail_url for question in rows])
        for question in rows:
            inside = window.since <= question.date_tabled.date() <= window.until
            self.counts["outside_window"] += not inside
            yield from self.request_if_unknown(question.detail_url)
        reached = skip + len(results)
        if reached >= found.total_results:
            return
        if not results:
            self.counts["listings_short"] += 1
        elif page + 1 >= self.plan.politeness.max_listing_pages:
            self.counts["listings_cut"] += 1
        else:
            yield self._build_listing_request(window, page + 1, reached)

    def parse_question(
        self, response: Response, visited: str, first: Response | None = None
    ) -> Iterator[CrawlLine | scrapy.Request]:
        """Read one question. A withdrawn one is reported as gone (410), as its page says.

        A text as long as one that a list has cut is asked for once more, by the question's number
        in the API; ``first`` is then the response to the first call, which is read if the second
        one fails.
        """
        flags = _read_flags(response)
        is_cut = len(flags.question_text or "") == TRUNCATED_QUESTION_LENGTH
        if is_cut and flags.id is not None and first is None:
            yield self._request_by_number(flags.id, visited, response)
            return
        if not flags.is_withdrawn:
            yield from super().parse_question(response, visited)
            return
        yield from self.resolve_refusals()
        self.counts["fetched"] += 1
        yield self.record_gone(visited, 410)

    def _request_by_number(self, number: int, visited: str, first: Response) -> scrapy.Request:
        """Return the request for a question by its number in the API."""
        return scrapy.Request(
            f"{self.plan.base_url}{API_PATH}/{number}?{_SINGLE_QUERY}",
            callback=self.parse_question,
            errback=self._read_first,
            cb_kwargs={"visited": visited, "first": first},
            dont_filter=True,
        )

    def _read_first(self, failure: Failure) -> Iterator[CrawlLine | scrapy.Request]:
        """Read the first response, as the second call for its question has failed."""
        known: dict[str, Any] = failure.request.cb_kwargs  # type: ignore[attr-defined]
        self.add_failure("http", describe_error(failure.value), failure.request.url)  # type: ignore[attr-defined]
        yield from super().parse_question(known["first"], known["visited"])


def _read_flags(response: Response) -> _QuestionFlags:
    try:
        return decode_json(response.body, _QuestionResponse).value
    except msgspec.MsgspecError:
        return _QuestionFlags()  # the page object reports what is wrong
