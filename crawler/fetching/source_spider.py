"""The base class of the spiders: it follows a plan, counts events and reports each failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.exceptions import CloseSpider
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.fetching.field_rates import FieldRates
from crawler.fetching.middlewares import RefusedRequest, describe_error
from crawler.pages import read_page
from crawler.plan import CrawlPlan, KnownPage, ListingWindow
from crawler.reading import (
    Document,
    UnreadablePage,
    build_question_id,
    canonicalise_path,
    decode_document,
)
from crawler.reading.normalise import normalise_item
from crawler.report import (
    CrawlFailure,
    CrawlLine,
    FailureKind,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
    QuestionsListed,
)

_NOT_MODIFIED = 304
_GONE_STATUSES = frozenset((404, 410))
_REFUSED_STATUSES = frozenset((401, 403, 429))
#: Of these, the statuses that can concern a single page: it is not published.
_UNPUBLISHED_STATUSES = frozenset((401, 403))
#: After five refusals in a row the host refuses us, not single pages: at two seconds a request,
#: that is known after ten seconds, before it looks like an attack.
_MAX_PENDING_REFUSALS = 5
#: Addresses are for the operator to look at; 20 of them fit an alarm.
_MAX_MISSING = 20
#: A failure that repeats on every page is plain after 20 of 300 characters: at most 6 kB.
_MAX_FAILURES = 20
_MAX_DETAIL_LENGTH = 300
#: Twenty addresses with their reasons are read in an email: 120 characters say what happened.
_MAX_REASON_LENGTH = 120


class SourceSpider(scrapy.Spider):
    """Base class of a source's spider.

    A subclass says where the pages are: :meth:`build_listing_requests` to start with, and
    callbacks that yield the requests of :meth:`request_if_unknown`.
    """

    name: str
    home_url: str  #: the live site; ``[sources.NAME] url`` may point elsewhere

    def __init__(self, plan: CrawlPlan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.known_ids = set(plan.known_ids) | {
            build_question_id(self.name, v.url) for v in plan.revisits
        }
        self.counts: Counter[str] = Counter()
        self.resume_at: datetime | None = None  # until when the source wants no requests
        self.failures: list[CrawlFailure] = []
        self.field_rates = FieldRates()
        self._requested = 0  # how many of the listed questions were asked for
        self._pending_pages: dict[str, str] = {}  # id → address of listed pages not yet read
        self._loss_reasons: dict[str, str] = {}  # id → why a page was not read
        self._pending_refusals: list[PageRefused] = []  # refusals since a page was last served
        self.allowed_domains = [urlsplit(plan.base_url).hostname or ""]

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Yield the plan's revisits, then its listings.

        In this order, so that a late answer does not wait behind a long listing.
        """
        for known in self.plan.revisits:
            yield self.request_question(known.url, known, priority=10)
        for window in self.plan.windows:
            for request in self.build_listing_requests(window):
                yield request

    def build_listing_requests(self, window: ListingWindow) -> Iterator[scrapy.Request]:
        """Yield the first requests of the listing of ``window``."""
        raise NotImplementedError

    def canonicalise_url(self, url: str) -> str:
        """Return the address under which the page at ``url`` is recorded."""
        return self.plan.base_url + canonicalise_path(url)

    def build_request_url(self, url: str) -> str:
        """Return the address to fetch the page at ``url`` from.

        It differs from the page's own address where the source is read through an API.
        """
        return self.canonicalise_url(url)

    def request_question(
        self, url: str, known: KnownPage | None = None, priority: int = 0
    ) -> scrapy.Request:
        """Return the request for one question page, conditional where the page is ``known``."""
        headers = _build_validators(known) if known else {}
        return scrapy.Request(
            self.build_request_url(url),
            headers=headers,
            meta={"handle_httpstatus_list": [_NOT_MODIFIED]} if headers else {},
            callback=self.parse_question,
            errback=self.handle_failure,
            priority=priority,
            cb_kwargs={"visited": build_question_id(self.name, url)},
            # known_ids removes duplicates; a redirect that Scrapy filters is reported nowhere.
            dont_filter=True,
        )

    def record_listing(self, window: ListingWindow, urls: Sequence[str]) -> QuestionsListed:
        """Return the line that says which questions a listing page of ``window`` names."""
        ids = tuple(dict.fromkeys(build_question_id(self.name, url) for url in urls))
        return QuestionsListed(window.since, window.until, ids)

    def request_if_unknown(self, url: str) -> Iterator[scrapy.Request]:
        """Yield the request for a page that a listing links to.

        None is yielded for a page that is known, or after as many as the plan allows.
        """
        identity = build_question_id(self.name, url)
        is_full = 0 < self.plan.max_questions <= self._requested
        if identity not in self.known_ids and not is_full:
            self._requested += 1
            self.known_ids.add(identity)
            self._pending_pages[identity] = self.canonicalise_url(url)
            yield self.request_question(url)

    def parse_question(
        self, response: Response, visited: str
    ) -> Iterator[CrawlLine | scrapy.Request]:
        """Read one question page; ``visited`` is the id of the page that was requested."""
        yield from self.resolve_refusals()
        if response.status == _NOT_MODIFIED:
            self.counts["unchanged"] += 1
            yield PageUnchanged(visited)
            return
        self.counts["fetched"] += 1
        try:
            yield self._read_question(response, visited)
        except UnreadablePage as error:
            self.counts["unreadable"] += 1
            self._pending_pages.setdefault(visited, self.canonicalise_url(response.url))
            self._loss_reasons[visited] = str(error)
            yield PageUnreadable(response.url, str(error), visited)

    def _read_question(self, response: Response, visited: str) -> QuestionRead:
        document = self.decode_response(response)
        item = read_page(document, self.name)
        question = normalise_item(item, document)
        self._pending_pages.pop(visited, None)
        self.counts["read"] += 1
        self.counts["suspect"] += bool(question.suspect)
        self.field_rates.add(item, question)
        return QuestionRead(
            question,
            visited=visited if visited != question.id else None,
            etag=_read_header(response, "ETag"),
            last_modified=_read_header(response, "Last-Modified"),
            capture=response.meta.get("capture"),
        )

    def record_gone(self, visited: str, status: int) -> PageGone:
        """Count a question that is gone, according to the server or to the page itself."""
        self.counts["gone"] += 1
        self._pending_pages.pop(visited, None)
        return PageGone(visited, status)

    def resolve_refusals(self) -> Iterator[PageRefused]:
        """Yield the pending refusals as refusals of single pages.

        Called when a page is served: the host does not refuse us, so those pages are unpublished.
        """
        yield from self._pending_refusals
        self.counts["unpublished"] += len(self._pending_refusals)
        self.counts["refused"] -= len(self._pending_refusals)
        self._pending_refusals.clear()

    def resolve_final_refusals(self) -> list[PageRefused]:
        """Return the refusals that are still pending at the end, if any page was served."""
        served = sum(self.counts[name] for name in ("fetched", "unchanged", "listing_pages"))
        return list(self.resolve_refusals()) if served else []

    def build_counts(self) -> dict[str, Any]:
        """Return the counts under the names of :class:`crawler.report.CrawlReport`."""
        missing = tuple(self._list_missing())[:_MAX_MISSING]
        return {**self.counts, **self.field_rates.as_report_fields(), "missing": missing}

    def _list_missing(self) -> Iterator[str]:
        """Yield each page that was listed, or is known, and was not read, with the reason."""
        for identity, url in sorted(self._pending_pages.items(), key=itemgetter(1)):
            reason = self._loss_reasons.get(identity, "the crawl ended before it was asked for")
            yield f"{url} ({' '.join(reason.split())[:_MAX_REASON_LENGTH]})"

    def decode_response(self, response: Response) -> Document:
        """Return the page in ``response`` under its canonical address.

        Raises:
            UnreadablePage: The body is empty or is not text.
        """
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if not isinstance(response, TextResponse):
            raise UnreadablePage(f"the server sent {kind or 'something'} where a page was expected")
        return decode_document(response.body, self.canonicalise_url(response.url), kind)

    def handle_failure(self, failure: Failure) -> Iterator[PageGone]:
        """Count and record a request that brought no page (Scrapy's errback)."""
        request: scrapy.Request = failure.request  # type: ignore[attr-defined]
        visited: str | None = request.cb_kwargs.get("visited")
        self.counts["listings_failed"] += visited is None
        if not isinstance(failure.value, HttpError):
            self.counts["failed"] += 1
            kind = failure.value.kind if isinstance(failure.value, RefusedRequest) else "network"
            self.counts["redirects_refused"] += kind == "redirect_refused"
            detail = describe_error(failure.value)
            self._note_loss(visited, detail)
            self.add_failure(kind, detail, request.url)
            return
        status = failure.value.response.status
        self.add_failure("http", f"HTTP {status}", request.url)
        self._note_loss(visited, f"HTTP {status}")
        if status in _REFUSED_STATUSES:
            self._handle_refusal(request.url, visited, status)
        elif status in _GONE_STATUSES and visited is not None:
            yield self.record_gone(visited, status)
        else:
            self.counts["failed"] += 1

    def _note_loss(self, visited: str | None, reason: str) -> None:
        """Keep why a question page was not read; ``visited`` is None for other requests."""
        if visited is not None:
            self._loss_reasons[visited] = reason

    def _handle_refusal(self, url: str, visited: str | None, status: int) -> None:
        """Record a refusal; stop the crawl when the host refuses us as a whole.

        Raises:
            CloseSpider: A listing was refused, or five pages in a row.
        """
        self.counts["refused"] += 1
        if visited is not None and status in _UNPUBLISHED_STATUSES:
            self._pending_pages.pop(visited, None)
            self._pending_refusals.append(PageRefused(visited, url, status))
        if visited is None or len(self._pending_refusals) >= _MAX_PENDING_REFUSALS:
            raise CloseSpider("refused")

    def handle_crash(self, failure: Failure, url: str | None = None) -> None:
        """Record an exception in our own code.

        Scrapy itself ignores it: the crawl would end as "finished".
        """
        self.counts["failed"] += 1
        detail = f"{type(failure.value).__name__}: {failure.getErrorMessage()}"
        self.add_failure("crash", detail, url)
        if url:
            self._note_loss(build_question_id(self.name, self.canonicalise_url(url)), detail)

    def add_failure(self, kind: FailureKind, detail: str, url: str | None = None) -> None:
        """Keep a failure for the report; only the first few are kept."""
        if len(self.failures) < _MAX_FAILURES:
            line = " ".join(detail.split())[:_MAX_DETAIL_LENGTH]
            self.failures.append(CrawlFailure(kind, line, url))


def _build_validators(known: KnownPage) -> dict[str, str]:
    """Return the headers that make a request conditional (RFC 9110, section 13.1)."""
    headers = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in headers.items() if value}


def _read_header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
