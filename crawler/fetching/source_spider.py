"""What all spiders share: they follow a plan, count what happens, and lose no failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.exceptions import CloseSpider
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.fetching.crawl_plan import (
    CrawlLine,
    CrawlPlan,
    KnownPage,
    ListingWindow,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
)
from crawler.fetching.field_rates import FieldRates
from crawler.pages import read_page
from crawler.reading.documents import Document, decode_document
from crawler.reading.items import UnreadablePage
from crawler.reading.normalise import normalise_item
from crawler.reading.urls import build_question_id, canonicalise_path

_REFUSED_STATUSES = frozenset((401, 403, 429))
#: Of these, what can be said of one page alone.
_UNPUBLISHED_STATUSES = frozenset((401, 403))
_NOT_MODIFIED = 304
#: So many refusals with no page between them, and it is the host that refuses us.
_MAX_PENDING_REFUSALS = 5
_MAX_MISSING = 20
_GONE_STATUSES = frozenset((404, 410))
_MAX_ERRORS = 20


class SourceSpider(scrapy.Spider):
    """Base of a source's spider. A subclass says where pages are and nothing else:
    :meth:`listing_requests` to begin with, and callbacks that yield :meth:`visit` requests.
    """

    name: str
    home_url: str  #: the live site; the config may point elsewhere

    def __init__(self, plan: CrawlPlan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.known_ids = set(plan.known_ids) | {
            build_question_id(self.name, v.url) for v in plan.revisits
        }
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.field_rates = FieldRates()
        self._pending_pages: dict[str, str] = {}  # listed pages that nothing has come of yet
        self._pending_refusals: list[PageRefused] = []  # refusals with no page served since
        self.allowed_domains = [urlsplit(plan.base_url).hostname or ""]

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Revisits first, so that a late answer never waits behind a long listing."""
        for known in self.plan.revisits:
            yield self.request_question(known.url, known, priority=10)
        for window in self.plan.windows:
            for request in self.build_listing_requests(window):
                yield request

    def build_listing_requests(self, window: ListingWindow) -> Iterator[scrapy.Request]:
        """The requests that begin to list ``window``."""
        raise NotImplementedError

    def canonicalise_url(self, url: str) -> str:
        """``url`` as the one address that we know its page by."""
        return self.plan.base_url + canonicalise_path(url)

    def build_request_url(self, url: str) -> str:
        """Where the page that we know by ``url`` is fetched: elsewhere, where there is an API."""
        return self.canonicalise_url(url)

    def request_question(
        self, url: str, known: KnownPage | None = None, priority: int = 0
    ) -> scrapy.Request:
        """The request for one question page; of one that is ``known``, only if it has changed."""
        ours = {"If-None-Match": known and known.etag}
        ours["If-Modified-Since"] = known and known.last_modified
        headers = {name: value for name, value in ours.items() if value}
        return scrapy.Request(
            self.build_request_url(url),
            headers=headers,
            meta={"handle_httpstatus_list": [_NOT_MODIFIED]} if headers else {},
            callback=self.parse_question,
            errback=self.handle_failure,
            priority=priority,
            cb_kwargs={"visited": build_question_id(self.name, url)},
            dont_filter=True,  # `known` sees to that; a filtered redirect would vanish in silence
        )

    def request_if_unknown(self, url: str) -> Iterator[scrapy.Request]:
        """The request for a page that a listing names, unless it is known."""
        identity = build_question_id(self.name, url)
        if identity not in self.known_ids:
            self.known_ids.add(identity)
            self._pending_pages[identity] = self.canonicalise_url(url)
            yield self.request_question(url)

    def parse_question(self, response: Response, visited: str) -> Iterator[CrawlLine]:
        """Read one question page."""
        yield from self.resolve_refusals()
        if response.status == _NOT_MODIFIED:
            self.counts["unchanged"] += 1
            yield PageUnchanged(visited)
            return
        self.counts["fetched"] += 1
        try:
            document = self.decode_response(response)
            item = read_page(document, self.name)
            question = normalise_item(item, document)
        except UnreadablePage as error:
            self.counts["unreadable"] += 1
            yield PageUnreadable(response.url, str(error))
            return
        self._pending_pages.pop(visited, None)
        self.counts["read"] += 1
        self.counts["suspect"] += bool(question.suspect)
        self.field_rates.add(item, question)
        moved = visited if visited != question.id else None
        marks = (_read_header(response, "ETag"), _read_header(response, "Last-Modified"))
        yield QuestionRead(question, moved, *marks, response.meta.get("capture"))

    def record_gone(self, visited: str, status: int) -> PageGone:
        """Count a question that is no longer there, whoever says so: the server or the page."""
        self.counts["gone"] += 1
        self._pending_pages.pop(visited, None)
        return PageGone(visited, status)

    def resolve_refusals(self) -> Iterator[PageRefused]:
        """A question came, so whoever refused us before meant those pages and not us."""
        yield from self._pending_refusals
        self.counts["unpublished"] += len(self._pending_refusals)
        self.counts["refused"] -= len(self._pending_refusals)
        self._pending_refusals.clear()

    def resolve_final_refusals(self) -> list[PageRefused]:
        """At the end of a crawl: the refusals that no question came after, if anything came."""
        came = sum(self.counts[name] for name in ("fetched", "unchanged", "listing_pages"))
        return list(self.resolve_refusals()) if came else []

    def build_counts(self) -> dict[str, Any]:
        """The counts as the report has them."""
        missing = sorted(self._pending_pages.values())[:_MAX_MISSING]
        return {**self.counts, **self.field_rates.as_report_fields(), "missing": tuple(missing)}

    def decode_response(self, response: Response) -> Document:
        """The page in ``response`` under its canonical address."""
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if not isinstance(response, TextResponse):
            raise UnreadablePage(f"the server sent {kind or 'something'} where a page was expected")
        return decode_document(response.body, self.canonicalise_url(response.url), kind)

    def handle_failure(self, failure: Failure) -> Iterator[PageGone]:
        """A request that brought no page: counted, noted, and told apart."""
        request: scrapy.Request = failure.request  # type: ignore[attr-defined]
        visited: str | None = request.cb_kwargs.get("visited")
        self.counts["listings_failed"] += visited is None
        if not isinstance(failure.value, HttpError):
            self.counts["failed"] += 1
            reason = failure.getErrorMessage() or failure.value.__class__.__name__
            self.counts["redirects_refused"] += "redirect_refused" in reason
            self.add_error(f"{request.url}: {reason}")
            return
        status = failure.value.response.status
        self.add_error(f"{request.url}: HTTP {status}")
        if status in _REFUSED_STATUSES:
            self._handle_refusal(request.url, visited, status)
        elif status in _GONE_STATUSES and visited is not None:
            yield self.record_gone(visited, status)
        else:
            self.counts["failed"] += 1

    def _handle_refusal(self, url: str, visited: str | None, status: int) -> None:
        """Note a refusal; stop asking when it is the host that refuses us."""
        self.counts["refused"] += 1
        if visited is not None and status in _UNPUBLISHED_STATUSES:
            self._pending_pages.pop(visited, None)
            self._pending_refusals.append(PageRefused(visited, url, status))
        if visited is None or len(self._pending_refusals) >= _MAX_PENDING_REFUSALS:
            raise CloseSpider("refused")

    def handle_crash(self, failure: Failure) -> None:
        """An exception in our own code: without this, Scrapy would end "finished" all the same."""
        self.counts["failed"] += 1
        self.add_error(f"{failure.value.__class__.__name__}: {failure.getErrorMessage()}")

    def add_error(self, line: str) -> None:
        """Keep a line about a failure; the first few are enough."""
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(" ".join(line.split())[:300])


def _read_header(response: Response, name: str) -> str | None:
    """One header of an answer, as it was sent."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
