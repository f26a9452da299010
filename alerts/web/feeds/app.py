"""The ASGI application below ``/feeds``: published feed files, and feeds made on request.

Feeds are the most requested part of the site, so an unchanged feed costs neither a database query
nor a template: files are kept in memory until they change on disk, and generated feeds are compared
with the ledger at most once a second.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from cachetools import LRUCache, TTLCache
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.ledger import LedgerUnavailable, StatementTimeout
from alerts.limits import Limit
from alerts.queries import QueryError
from alerts.web.context import WebContext
from alerts.web.feeds.generator import (
    FeedGenerator,
    FeedRequest,
    GeneratedFeed,
    generate_feed,
    is_feed_path,
    is_private_feed,
    parse_feed_path,
)
from alerts.web.feeds.response import EncodedFeed, encode_feed, send_feed
from alerts.web.heavy_work import HeavyWork, TooBusy, describe_work
from alerts.web.rate_limits import RateLimits
from alerts.web.work import WorkInterrupted
from crawler.event_log import get_logger
from crawler.storage import StoredFile

log = get_logger("watchword.web")

#: 1500 files of about 50 kB, plain and gzipped together, are 75 MB.
_MAX_CACHED_FILES = 1500
#: 400 feeds of about 50 kB are 20 MB.
_MAX_CACHED_FEEDS = 400
#: A generated feed is compared with the ledger once in so many seconds at most.
_RECHECK_SECONDS = 1.0
#: An object store, which takes some 20 ms, is asked for a file once in so many seconds at most.
#: Feed readers ask every half hour.
_SEEN_SECONDS = 10.0


class FeedsApp:
    """The application. Its caches are used on the event loop's thread alone."""

    def __init__(
        self, context: WebContext, limits: RateLimits, work: HeavyWork, pages: ASGIApp
    ) -> None:
        """Prepare the application.

        Args:
            context: what it needs from outside.
            limits: how often feeds may be asked for.
            work: where feeds are made on request.
            pages: answers addresses without the extension of a feed.
        """
        self._context, self._limits, self._work = context, limits, work
        self._pages = pages
        self._generator = FeedGenerator(context.work_context)
        #: Each with the version of its file.
        self._files: LRUCache[str, tuple[str, EncodedFeed]] = LRUCache(_MAX_CACHED_FILES)
        #: What is known of files in an object store.
        self._seen: TTLCache[str, StoredFile | None] = TTLCache(_MAX_CACHED_FILES, _SEEN_SECONDS)
        #: Each with the monotonic time at which it was last compared with the ledger.
        self._feeds: LRUCache[FeedRequest, tuple[float, GeneratedFeed]] = LRUCache(
            _MAX_CACHED_FEEDS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        request = _read_request(scope)
        if not is_feed_path(request.path):
            await self._pages({**scope, "root_path": ""}, receive, send)
            return
        try:
            found = await self._find(request, scope, receive)
        except HTTPException as error:
            found = PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
        if isinstance(found, EncodedFeed):
            await send_feed(found, scope, send)
        else:
            await found(scope, receive, send)

    async def _find(
        self, request: FeedRequest, scope: Scope, receive: Receive
    ) -> EncodedFeed | Response:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, "Feeds can only be read.", {"Allow": "GET, HEAD"})
        if request.query is None and request.only is None:  # other parameters change nothing
            published = await self._find_file(request.path)
            if published is not None:
                return published
        return await self._find_generated(request, Request(scope, receive))

    async def _find_file(self, name: str) -> EncodedFeed | None:
        """Return the file ``name`` of the feeds folder as it is now; None where there is none."""
        path = parse_feed_path(name)
        if path is None or "/" in name or name.startswith("."):
            return None
        try:
            file = await self._look_for(name)
            if file is None:
                self._files.pop(name, None)
                return None
            known = self._files.get(name)
            if known is None or known[0] != file.version:
                feed = await run_in_threadpool(self._load_file, file, path.extension)
                known = self._files[name] = (file.version, feed)
        except OSError:
            self._files.pop(name, None)
            return None
        return known[1]

    async def _look_for(self, name: str) -> StoredFile | None:
        """Return what is known of a file: asked for each time, or lately in an object store."""
        folder = self._context.feeds_folder
        if folder.path is not None:
            return folder.find(name)
        if name not in self._seen:
            self._seen[name] = await run_in_threadpool(folder.find, name)
        return self._seen[name]

    def _load_file(self, file: StoredFile, extension: str) -> EncodedFeed:
        identity = self._context.feed_identity
        base = identity.public_url
        content = self._context.feeds_folder.read(file.name)
        if content is None:
            raise FileNotFoundError(file.name)
        return encode_feed(
            content,
            extension,
            file.modified_at,
            self_url=f"{base}/feeds/{file.name}" if base else None,
            hub_url=identity.hub,
        )

    async def _find_generated(
        self, request: FeedRequest, asked_by: Request
    ) -> EncodedFeed | Response:
        """Return a generated feed, from the cache where it was compared within the last second.

        A subscriber's own feed is always compared: its address may have been changed just now. It
        is never refused, however many others are asked for.
        """
        now = time.monotonic()
        checked_at, known = self._feeds.get(request, (0.0, None))
        is_fresh = now - checked_at <= _RECHECK_SECONDS and not is_private_feed(request.path)
        if known is not None and is_fresh:
            return known.feed
        try:
            if not self._generator.has_own_address(request.path):
                await self._limits.count_often(Limit.FEEDS, asked_by)
            version = known.version if known else None
            asked = describe_work(asked_by, "search")
            found = await self._work.run(asked, generate_feed, request, version)
        except TooBusy:
            # The feed of a topic may have become private since, and has no "/" in its name.
            if known is None or is_private_feed(request.path) or "/" not in request.path:
                raise
            return known.feed  # as it was a moment ago
        except QueryError as error:
            raise HTTPException(400, str(error)) from error
        except StatementTimeout as error:
            raise HTTPException(503, "This search takes too long. Add a rarer word.") from error
        except (LedgerUnavailable, WorkInterrupted) as error:
            log.warning("a feed was answered with 503", reason=error)
            raise TooBusy from error
        if isinstance(found, Response):
            return found
        found = found or known
        assert found is not None
        if found.version is not None:
            self._feeds[request] = (now, found)
        return found.feed


def _read_request(scope: Scope) -> FeedRequest:
    path = scope["path"].removeprefix(scope["root_path"]).removeprefix("/")
    if not scope["query_string"]:
        return FeedRequest(path)
    parameters = parse_qs(scope["query_string"].decode("latin-1"))
    query, only = (parameters.get(name, [None])[0] for name in ("q", "only"))
    return FeedRequest(path, query, only)
