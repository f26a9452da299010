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

from crawler.fetching.field_rates import Tally
from crawler.fetching.plan import (
    Gone,
    Line,
    Plan,
    Read,
    Refused,
    Unchanged,
    Unreadable,
    Visit,
    Window,
)
from crawler.pages import read_page
from crawler.reading.addresses import canonical_path, question_id
from crawler.reading.documents import Document, from_bytes
from crawler.reading.items import UnreadablePage
from crawler.reading.normalise import normalise

_REFUSED = frozenset((401, 403, 429))
#: Of these, what can be said of one page alone.
_UNPUBLISHED = frozenset((401, 403))
_NOT_MODIFIED = 304
#: So many refusals with no page between them, and it is the host that refuses us.
_HOST_REFUSES = 5
_MISSING_KEPT = 20
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
        self.tally = Tally()
        self._awaited: dict[str, str] = {}  # listed pages that nothing has come of yet
        self._doubted: list[Refused] = []  # refusals with no page served since
        self.allowed_domains = [urlsplit(plan.base_url).hostname or ""]

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """Revisits first, so that a late answer never waits behind a long listing."""
        for known in self.plan.revisit:
            yield self.visit(known.url, known, priority=10)
        for window in self.plan.windows:
            for request in self.listing_requests(window):
                yield request

    def listing_requests(self, window: Window) -> Iterator[scrapy.Request]:
        """The requests that begin to list ``window``."""
        raise NotImplementedError

    def address(self, url: str) -> str:
        """``url`` as the one address that we know its page by."""
        return self.plan.base_url + canonical_path(url)

    def location(self, url: str) -> str:
        """Where the page that we know by ``url`` is fetched: elsewhere, where there is an API."""
        return self.address(url)

    def visit(self, url: str, known: Visit | None = None, priority: int = 0) -> scrapy.Request:
        """The request for one question page; of one that is ``known``, only if it has changed."""
        ours = {"If-None-Match": known and known.etag}
        ours["If-Modified-Since"] = known and known.last_modified
        headers = {name: value for name, value in ours.items() if value}
        return scrapy.Request(
            self.location(url),
            headers=headers,
            meta={"handle_httpstatus_list": [_NOT_MODIFIED]} if headers else {},
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
            self._awaited[identity] = self.address(url)
            yield self.visit(url)

    def read(self, response: Response, visited: str) -> Iterator[Line]:
        """Read one question page."""
        yield from self.served()
        if response.status == _NOT_MODIFIED:
            self.counts["unchanged"] += 1
            yield Unchanged(visited)
            return
        self.counts["fetched"] += 1
        try:
            document = self.document(response)
            item = read_page(document, self.name)
            question = normalise(item, document)
        except UnreadablePage as error:
            self.counts["unreadable"] += 1
            yield Unreadable(response.url, str(error))
            return
        self._awaited.pop(visited, None)
        self.counts["read"] += 1
        self.counts["suspect"] += bool(question.suspect)
        self.tally.add(item, question)
        moved = visited if visited != question.id else None
        marks = (_header(response, "ETag"), _header(response, "Last-Modified"))
        yield Read(question, moved, *marks, response.meta.get("capture"))

    def gone(self, visited: str, status: int) -> Gone:
        """Count a question that is no longer there, whoever says so: the server or the page."""
        self.counts["gone"] += 1
        self._awaited.pop(visited, None)
        return Gone(visited, status)

    def served(self) -> Iterator[Refused]:
        """A question came, so whoever refused us before meant those pages and not us."""
        yield from self._doubted
        self.counts["unpublished"] += len(self._doubted)
        self.counts["refused"] -= len(self._doubted)
        self._doubted.clear()

    def doubted(self) -> list[Refused]:
        """At the end of a crawl: the refusals that no question came after, if anything came."""
        came = sum(self.counts[name] for name in ("fetched", "unchanged", "listing_pages"))
        return list(self.served()) if came else []

    def tallied(self) -> dict[str, Any]:
        """The counts as the report has them."""
        missing = sorted(self._awaited.values())[:_MISSING_KEPT]
        return {**self.counts, **self.tally.as_dict(), "missing": tuple(missing)}

    def document(self, response: Response) -> Document:
        """The page in ``response`` under its canonical address."""
        kind = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if not isinstance(response, TextResponse):
            raise UnreadablePage(f"the server sent {kind or 'something'} where a page was expected")
        return from_bytes(response.body, self.address(response.url), kind)

    def failed(self, failure: Failure) -> Iterator[Gone]:
        """A request that brought no page: counted, noted, and told apart."""
        request: scrapy.Request = failure.request  # type: ignore[attr-defined]
        visited: str | None = request.cb_kwargs.get("visited")
        self.counts["listings_failed"] += visited is None
        if not isinstance(failure.value, HttpError):
            self.counts["failed"] += 1
            reason = failure.getErrorMessage() or failure.value.__class__.__name__
            self.counts["redirects_refused"] += "redirect_refused" in reason
            self.note(f"{request.url}: {reason}")
            return
        status = failure.value.response.status
        self.note(f"{request.url}: HTTP {status}")
        if status in _REFUSED:
            self._refused(request.url, visited, status)
        elif status in _GONE and visited is not None:
            yield self.gone(visited, status)
        else:
            self.counts["failed"] += 1

    def _refused(self, url: str, visited: str | None, status: int) -> None:
        """Note a refusal; stop asking when it is the host that refuses us."""
        self.counts["refused"] += 1
        if visited is not None and status in _UNPUBLISHED:
            self._awaited.pop(visited, None)
            self._doubted.append(Refused(visited, url, status))
        if visited is None or len(self._doubted) >= _HOST_REFUSES:
            raise CloseSpider("refused")

    def crashed(self, failure: Failure) -> None:
        """An exception in our own code: without this, Scrapy would end "finished" all the same."""
        self.counts["failed"] += 1
        self.note(f"{failure.value.__class__.__name__}: {failure.getErrorMessage()}")

    def note(self, line: str) -> None:
        """Keep a line about a failure; the first few are enough."""
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(" ".join(line.split())[:300])


def _header(response: Response, name: str) -> str | None:
    """One header of an answer, as it was sent."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
