"""Politeness and faults that Scrapy 2.19 leaves to us, each found by trying.

Robots rules that cannot be had are taken for "everything is allowed"; the source's wish for a delay
is ignored in robots.txt and in Retry-After alike; a redirect to elsewhere is followed or dropped in
silence; half a compressed page is handed over as if it were whole.
"""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawler.report import FailureKind

#: No source may make us wait longer than this for one answer; the next crawl is soon enough.
MAX_WAIT_SECONDS = 120.0


class RefusedRequest(IgnoreRequest):
    """A request or an answer that one of our middlewares refuses.

    Scrapy hands it to the request's errback, where the spider turns it into a
    :class:`crawler.report.CrawlFailure`.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class RobotsMiddleware(RobotsTxtMiddleware):
    """robots.txt by RFC 9309, and with its Crawl-delay.

    Section 2.3.1.3: without a file (4xx) everything is allowed. Section 2.3.1.4: where the file
    cannot be reached (5xx, no connection) nothing is.
    """

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            raise OSError(f"robots.txt: HTTP {response.status}")
        if response.status >= 400:
            self._store_rules(netloc, None)
            return
        await super()._parse_robots(response, netloc, request)
        rules = self._parsers[netloc]
        wish = rules.crawl_delay(self._default_useragent)  # type: ignore[union-attr]
        if wish:
            increase_delay(self.crawler, float(wish))

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._store_rules(netloc, UnreachableRobots())

    def _store_rules(self, netloc: str, rules: Any) -> None:
        waiting = self._parsers[netloc]
        self._parsers[netloc] = rules
        waiting.callback(rules)  # type: ignore[union-attr]

    def process_request_2(self, rp: Any, request: Request) -> None:
        """Raise :class:`RefusedRequest` for a request that the rules forbid."""
        if isinstance(rp, UnreachableRobots):
            raise RefusedRequest(
                "robots", "robots.txt cannot be reached, so nothing may be fetched"
            )
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RefusedRequest("robots", str(error)) from error


class UnreachableRobots:
    """Stands for the rules of a robots.txt that could not be had."""


def increase_delay(crawler: Crawler, seconds: float) -> None:
    """Leave at least ``seconds`` between the requests from now on.

    The source has one slot, and fetching robots.txt has made it.
    """
    assert crawler.engine is not None
    for slot in crawler.engine.downloader.slots.values():
        slot.delay = max(slot.delay, min(seconds, MAX_WAIT_SECONDS))


class RetryAfterMiddleware:
    """A source that names its time gets it, before Scrapy's own retry asks again at once.

    One request is under way at a time, so waiting here holds back all others too.
    """

    async def process_response(self, request: Request, response: Response) -> Response:
        """Wait as long as a 429 or 503 asks for (RFC 9110, section 10.2.3), within bounds."""
        if response.status in {429, 503}:
            named = (response.headers.get("Retry-After") or b"").decode("latin-1")
            await asyncio.sleep(min(parse_retry_after(named, datetime.now(UTC)), MAX_WAIT_SECONDS))
        return response


def parse_retry_after(value: str, now: datetime) -> float:
    """The seconds that a Retry-After header names, as a number or a date; 0 for anything else."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


class SameOriginMiddleware:
    """Only the source itself is ever asked: scheme, host and port, redirects and robots included.

    Scrapy's own check lets start requests be redirected anywhere, and drops others in silence.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """As Scrapy makes its middlewares."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Refuse a request to anywhere else; the spider hears of it as a failure."""
        source = urlsplit(self._crawler.spider.plan.base_url)  # type: ignore[union-attr]
        asked = urlsplit(request.url)
        if (asked.scheme, asked.netloc) != (source.scheme, source.netloc):
            raise RefusedRequest(
                "redirect_refused", f"it leads to {asked.scheme}://{asked.netloc}, another site"
            )


class TruncatedBodyMiddleware:
    """Half a compressed page is no page: the decompressor would hand over what there is."""

    def process_response(self, request: Request, response: Response) -> Response:
        """Refuse a gzip body that ends before its end; looks before it is decompressed."""
        encoding = (response.headers.get("Content-Encoding") or b"").lower()
        if encoding in {b"gzip", b"x-gzip"} and response.body:
            stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            rest = response.body
            while rest and not stream.eof:
                stream.decompress(rest, 1 << 20)
                rest = stream.unconsumed_tail
            if not stream.eof:
                raise RefusedRequest("truncated", "the compressed page is cut off")
        return response
