"""Downloader middlewares for politeness and faults that Scrapy 2.19 does not handle.

Each was found by trying. Scrapy treats a robots.txt that cannot be fetched as "everything is
allowed"; it ignores Crawl-delay and Retry-After; it follows a redirect to another site, or drops it
without a report; and it returns a truncated compressed page as if it were complete.
"""

from __future__ import annotations

import asyncio
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, ResponseFailed
from twisted.web.http_headers import InvalidHeaderName

from crawler.fetching.planned_spider import get_spider
from crawler.reading.documents import guess_encoding
from crawler.report import FailureKind

#: The longest wait before a request that we accept from a source: the next crawl is soon enough.
MAX_WAIT_SECONDS = 120.0
#: A source may ask to be left alone for a day. A longer time is more likely to be a mistake.
_MAX_PAUSE_SECONDS = 24 * 60 * 60.0


class RefusedRequest(IgnoreRequest):
    """A request or an answer that one of our middlewares refuses.

    Scrapy hands it to the request's errback, where the spider turns it into a
    :class:`crawler.report.CrawlFailure`.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def describe_error(error: BaseException | None) -> str:
    """Return in one line why a request failed.

    Twisted wraps the reason in lists of failures. A header line that it refuses stands for the
    whole response, so the line is named.
    """
    reasons = getattr(error, "reasons", None) or ()
    for reason in reasons:
        if isinstance(reason, Failure) and reason.value is not None:
            return describe_error(reason.value)
    if isinstance(error, InvalidHeaderName):
        return f"the server sent a header whose name is not allowed: {error.args[0]!r}"
    if isinstance(error, ParseError):
        return f"the server sent what is not HTTP: {error.args!r}"
    if isinstance(error, zlib.error):
        return f"the page cannot be unpacked: {error}"
    if error is not None and isinstance(error.__cause__, ResponseFailed):
        return describe_error(error.__cause__)
    return str(error) or type(error).__name__


class RobotsMiddleware(RobotsTxtMiddleware):
    """robots.txt according to RFC 9309, with Crawl-delay.

    Section 2.3.1.3: if there is no file (4xx), everything is allowed. Section 2.3.1.4: if the file
    cannot be reached (5xx, no connection), nothing is allowed.
    """

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            raise RefusedRequest("robots", f"HTTP {response.status}")
        if response.status >= 400:
            self._store_rules(netloc, None)
            return
        await super()._parse_robots(response, netloc, request)
        rules = self._parsers[netloc]
        delay = rules.crawl_delay(self._default_useragent)  # type: ignore[union-attr]  # a parser, once it is stored
        if delay:
            increase_delay(self.crawler, float(delay))

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._store_rules(netloc, UnreachableRobots(describe_error(exc)))

    def _store_rules(self, netloc: str, rules: Any) -> None:
        waiting = self._parsers[netloc]
        self._parsers[netloc] = rules
        waiting.callback(rules)  # type: ignore[union-attr]  # a Deferred until rules are stored

    def process_request_2(self, rp: Any, request: Request) -> None:
        """Raise :class:`RefusedRequest` for a request that the rules forbid."""
        if isinstance(rp, UnreachableRobots):
            why = f"robots.txt cannot be reached ({rp.reason}), so nothing may be fetched"
            raise RefusedRequest("robots", why)
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RefusedRequest("robots", str(error)) from error


class UnreachableRobots:
    """Takes the place of the rules of a robots.txt that cannot be reached."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def increase_delay(crawler: Crawler, seconds: float) -> None:
    """Leave at least ``seconds`` between requests from now on.

    Scrapy keeps one slot for each host; fetching robots.txt has created the source's.
    """
    assert crawler.engine is not None
    for slot in crawler.engine.downloader.slots.values():
        slot.delay = max(slot.delay, min(seconds, MAX_WAIT_SECONDS))


class RetryAfterMiddleware:
    """Waits as long as the source asks for, before Scrapy's retry middleware asks again.

    Only one request is under way at a time, so the wait delays all others too. A source that asks
    for more than we wait within a crawl is asked nothing more in this one, and the report says
    until when (RFC 9110, section 10.2.3).
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Return the middleware, as Scrapy makes its components."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Raise :class:`RefusedRequest` while the source wants to be left alone."""
        until = get_spider(self._crawler).resume_at
        if until is not None and until > datetime.now(UTC):
            shown = f"{until:%Y-%m-%d %H:%M} UTC"
            raise RefusedRequest("http", f"the source wants no requests until {shown}")

    async def process_response(self, request: Request, response: Response) -> Response:
        """Wait as long as a 429 or 503 asks for, if that is no more than 120 seconds."""
        if response.status not in {429, 503}:
            return response
        now = datetime.now(UTC)
        named = (response.headers.get("Retry-After") or b"").decode("latin-1")
        seconds = parse_retry_after(named, now)
        if seconds <= MAX_WAIT_SECONDS:
            await asyncio.sleep(seconds)
            return response
        pause = timedelta(seconds=min(seconds, _MAX_PAUSE_SECONDS))
        get_spider(self._crawler).resume_at = now + pause
        request.meta["dont_retry"] = True
        return response


def parse_retry_after(value: str, now: datetime) -> float:
    """Return the seconds in a Retry-After header, a number or a date; 0 for anything else."""
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


class SameOriginMiddleware:
    """Allows requests to the source alone (scheme, host and port), also redirects and robots.txt.

    Scrapy's own check lets start requests be redirected anywhere and drops others without a report.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Return the middleware, as Scrapy makes its components."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Raise :class:`RefusedRequest` for a request to another site."""
        source = urlsplit(get_spider(self._crawler).plan.base_url)
        asked = urlsplit(request.url)
        if (asked.scheme, asked.netloc) != (source.scheme, source.netloc):
            raise RefusedRequest(
                "redirect_refused", f"it leads to {asked.scheme}://{asked.netloc}, another site"
            )


class TextEncodingMiddleware:
    """Replaces the encoding of pages that declare none that text can have, such as ``zlib``."""

    def process_response(self, request: Request, response: Response) -> Response:
        """Return the response, with an encoding in which its text can be read."""
        if isinstance(response, TextResponse):
            try:
                _ = response.text
            except (LookupError, UnicodeError):
                return response.replace(encoding=guess_encoding(response.body))
        return response


class TruncatedBodyMiddleware:
    """Refuses truncated compressed pages, which the decompressor would return as far as they go.

    Pages that unpack to more than the limit are left to the decompressor, which refuses them.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._max_bytes = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Return the middleware, as Scrapy makes its components."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        """Return the response; raise :class:`RefusedRequest` if its gzip body is cut off."""
        encoding = (response.headers.get("Content-Encoding") or b"").lower()
        if encoding in {b"gzip", b"x-gzip"} and response.body:
            try:
                is_whole = _ends_within(response.body, self._max_bytes)
            except zlib.error as error:
                reason = f"the page is not compressed as the server says: {error}"
                raise RefusedRequest("truncated", reason) from error
            if not is_whole:
                raise RefusedRequest("truncated", "the compressed page is cut off")
        return response


def _ends_within(body: bytes, max_bytes: int) -> bool:
    """Return whether compressed bytes have their end, or unpack to more than ``max_bytes``."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    rest, size = body, 0
    while rest and not stream.eof and size <= max_bytes:
        size += len(stream.decompress(rest, 1 << 20))
        rest = stream.unconsumed_tail
    return stream.eof or size > max_bytes
