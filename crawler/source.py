"""What all spiders share: they follow a plan, count what happens, and lose no failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from crawler.addresses import canonical_path, question_id
from crawler.documents import Document, from_bytes
from crawler.items import UnreadablePage
from crawler.normalise import read_question
from crawler.plan import Gone, Plan, Read, Unreadable, Window

_REFUSED = frozenset((401, 403, 429))
_GONE = frozenset((404, 410))
_ERRORS_KEPT = 20


class SourceSpider(scrapy.Spider):
    """Base of a source's spider. A subclass says where pages are and nothing else:
    :meth:`listing_requests` to begin with, and callbacks that yield :meth:`visit` requests.
    """

    name: str
    home_url: str  #: the live site; the config may point elsewhere

    def __init__(self, plan: Plan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.known = set(plan.known) | {question_id(self.name, v.url) for v in plan.revisit}
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.allowed_domains = [urlsplit(plan.base_url).hostname or ""]

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Revisits first, so that a late answer never waits behind a long listing."""
        for known in self.plan.revisit:
            yield self.visit(known.url, priority=10)
        for window in self.plan.windows:
            for request in self.listing_requests(window):
                yield request

    def listing_requests(self, window: Window) -> Iterator[scrapy.Request]:
        """The requests that begin to list ``window``."""
        raise NotImplementedError

    def address(self, url: str) -> str:
        """``url`` as the one address that we know its page by."""
        return self.plan.base_url + canonical_path(url)

    def visit(self, url: str, priority: int = 0) -> scrapy.Request:
        """The request for one question page."""
        return scrapy.Request(
            self.address(url),
            callback=self.read,
            errback=self.failed,
            priority=priority,
            cb_kwargs={"visited": question_id(self.name, url)},
            dont_filter=True,  # `known` sees to that; a filtered redirect would vanish in silence
        )

    def visit_unknown(self, url: str) -> Iterator[scrapy.Request]:
        """The request for a page that a listing names, unless it is known."""
        identity = question_id(self.name, url)
        if identity not in self.known:
            self.known.add(identity)
            yield self.visit(url)

    def read(self, response: Response, visited: str) -> Iterator[Read | Unreadable]:
        """Read one question page."""
        self.counts["fetched"] += 1
        try:
            question = read_question(self.document(response), self.name)
        except UnreadablePage as error:
            self.counts["unreadable"] += 1
            yield Unreadable(response.url, str(error))
            return
        self.counts["read"] += 1
        self.counts["suspect"] += bool(question.suspect)
        yield Read(question, visited if visited != question.id else None)

    def document(self, response: Response) -> Document:
        """The page in ``response`` under its canonical address."""
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if not isinstance(response, TextResponse):
            raise UnreadablePage(f"the server sent {kind or 'something'} where a page was expected")
        return from_bytes(response.body, self.address(response.url), kind)

    def failed(self, failure: Failure) -> Iterator[Gone]:
        """A request that brought no page: counted, noted, and told apart."""
        request: scrapy.Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, HttpError):
            status = failure.value.response.status
            self._note(f"{request.url}: HTTP {status}")
            if status in _REFUSED:
                self.counts["refused"] += 1
            elif status in _GONE and "visited" in request.cb_kwargs:
                self.counts["gone"] += 1
                yield Gone(request.cb_kwargs["visited"], status)
            else:
                self.counts["failed"] += 1
        else:
            self.counts["failed"] += 1
            reason = failure.getErrorMessage() or failure.value.__class__.__name__
            self._note(f"{request.url}: {reason}")
        if "visited" not in request.cb_kwargs:
            self.counts["listings_failed"] += 1

    def crashed(self, failure: Failure) -> None:
        """An exception in our own code: without this, Scrapy would end "finished" all the same."""
        self.counts["failed"] += 1
        self._note(f"{failure.value.__class__.__name__}: {failure.getErrorMessage()}")

    def _note(self, line: str) -> None:
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(" ".join(line.split())[:300])
