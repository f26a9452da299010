"""Feeds over HTTP: those that are files, and those that are made when somebody asks.

What is asked for again and again lies ready, with its entity tags, in both codings; a reader that
has it is told so without a look at the ledger or a template. What is made on demand is looked for
anew once a second at most, and built anew only when other changes are in it.
"""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from alerts.feeds.definitions import (
    FEED_PAGE_SIZE,
    FeedDefinition,
    build_archive_page,
    build_content,
    define_everything_feed,
    define_member_feed,
    define_query_feed,
    define_thread_feed,
    define_topic_feed,
    filter_feed,
)
from alerts.feeds.items import FEED_FILTERS
from alerts.feeds.json_feed import FeedIdentity
from alerts.feeds.xml import MEDIA_TYPES, ArchivePosition, build_feed, build_feed_url
from alerts.ledger import notices, topics
from alerts.ledger.engine import StatementTimeout
from alerts.ledger.topics import EVERYTHING_FEED
from alerts.queries import QueryError, format_canonical, parse_query
from alerts.web.context import WebContext
from alerts.web.feed_response import EncodedFeed, encode_feed, send_feed

_EXTENSIONS = "|".join(map(re.escape, MEDIA_TYPES))
_FEED_PATH = re.compile(
    rf"(?P<name>.+?)(?:\.(?P<page>[1-9][0-9]{{0,5}}))?\.(?P<ending>{_EXTENSIONS})"
)
#: Feeds made on demand that are kept, each some tens of kilobytes, and files likewise.
_MAX_CACHED_FEEDS = 400
_MAX_CACHED_FILES = 1500
_RECHECK_SECONDS = 1.0
_STATEMENT_SECONDS = 2.0

#: What a feed made on demand was made of: the changes in it, and the newest notice.
_FeedVersion: TypeAlias = tuple[tuple[int, ...], int]
#: One that is kept: when it was last right, what it was made of, and itself.
_CachedFeed: TypeAlias = "tuple[float, _FeedVersion, EncodedFeed]"


#: What tells one version of a file from the next.
_FileVersion: TypeAlias = tuple[int, int, int]


class _FeedRequest(msgspec.Struct, frozen=True):
    """What makes one feed differ from another in what is asked for."""

    path: str
    query: str | None
    only: str | None


class FeedsApp:
    """The application below ``/feeds``."""

    def __init__(
        self, context: WebContext, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._context, self._monotonic = context, monotonic
        self._file_cache: OrderedDict[str, tuple[_FileVersion, EncodedFeed]] = OrderedDict()
        self._feed_cache: OrderedDict[_FeedRequest, _CachedFeed] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] not in {"GET", "HEAD"}:
            refused = PlainTextResponse("Feeds are only read.\n", 405, {"Allow": "GET, HEAD"})
            await refused(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope["root_path"]).removeprefix("/")
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        wanted = _FeedRequest(path, *(asked.get(name, [None])[0] for name in ("q", "only")))
        found: EncodedFeed | Response | None = None
        if (
            wanted.query is None and wanted.only is None
        ):  # whatever else is asked makes no difference
            found = await self._find_file(path)
        if found is None:
            found = await self._find_generated(wanted)
        if isinstance(found, EncodedFeed):
            await send_feed(found, scope, send)
        else:
            await found(scope, receive, send)

    async def _find_file(self, path: str) -> EncodedFeed | None:
        """A feed that lies in the folder, as it is at this moment."""
        match = _FEED_PATH.fullmatch(path)
        if match is None or "/" in path or "\0" in path or path.startswith("."):
            return None
        file = self._context.feeds_folder / path
        try:
            stat = os.stat(file)  # noqa: PTH116  # asked at each request
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._file_cache.get(path)
            if known is None or known[0] != mark:
                written = datetime.fromtimestamp(stat.st_mtime, UTC)
                copy = await run_in_threadpool(self._load_file, file, match["ending"], written)
                known = self._file_cache[path] = (mark, copy)
                _evict_oldest(self._file_cache, _MAX_CACHED_FILES)
        except OSError:
            self._file_cache.pop(path, None)
            return None
        return known[1]

    def _load_file(self, file: Path, ending: str, written: datetime) -> EncodedFeed:
        own = self._build_self_url(file.name)
        return encode_feed(file.read_bytes(), ending, written, own, self._context.feed_identity.hub)

    def _build_self_url(self, path: str) -> str | None:
        base = self._context.feed_identity.public_url
        return f"{base}/feeds/{path}" if base else None

    async def _find_generated(self, wanted: _FeedRequest) -> EncodedFeed | Response:
        known = self._feed_cache.get(wanted)
        if known is not None and self._monotonic() - known[0] <= _RECHECK_SECONDS:
            return known[2]
        try:
            return await run_in_threadpool(self._generate, wanted)
        except QueryError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except StatementTimeout:
            return PlainTextResponse("That takes too long to look for. Add a rarer word.\n", 503)

    def _generate(self, wanted: _FeedRequest) -> EncodedFeed | Response:
        typed, only = wanted.query or "", wanted.only
        match = _FEED_PATH.fullmatch(wanted.path)
        if match is None or "\0" in unquote(wanted.path) + typed:  # which no database takes
            return _build_not_found()
        if only is not None and only not in FEED_FILTERS:
            return PlainTextResponse(f"There are only={', '.join(FEED_FILTERS)}.\n", 400)
        site, looked_at = self._context, self._monotonic()
        with site.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            if match["name"] == "queries/feed" and only is None:
                known = topics.find(connection, format_canonical(parse_query(typed)))
                if known is not None:
                    return RedirectResponse(f"/feeds/{known.slug}.{match['ending']}", 302)
            subject = self._find_feed(connection, match["name"], typed)
            if subject is None:
                return _build_not_found()
            if match["page"]:
                return self._build_archive_page(
                    connection, subject, int(match["page"]), match["ending"]
                )
            subject = filter_feed(subject, only)
            kinds = FEED_FILTERS[only] if only else ()
            told = notices.get_newest_id(connection)
            made = tuple(subject.list_newest(connection, kinds)), told
            kept = self._feed_cache.get(wanted)
            copy = kept[2] if kept is not None and kept[1] == made else None
            if copy is None:
                pages = (
                    subject.count_changes(connection) // FEED_PAGE_SIZE
                    if subject.count_changes
                    else 0
                )
                parts = (subject, made[0], site.feed_identity, site.templates, only)
                content = build_content(connection, *parts)
                # The hub is told of what is filed alone, so only that names it.
                imprint = (
                    site.feed_identity if subject.has_files else _remove_hub(site.feed_identity)
                )
                feed = build_feed(subject.metadata, content, imprint, ArchivePosition(pages))
                own = build_feed_url(subject.metadata, imprint, match["ending"])
                # It is new as of now: what it tells may have happened before what it told.
                body, hub = feed[match["ending"]], imprint.hub
                copy = encode_feed(body, match["ending"], site.clock(), own, hub)
        self._feed_cache[wanted] = (looked_at, made, copy)
        self._feed_cache.move_to_end(wanted)
        _evict_oldest(self._feed_cache, _MAX_CACHED_FEEDS)
        return copy

    def _build_archive_page(
        self, connection: Connection, subject: FeedDefinition, number: int, ending: str
    ) -> EncodedFeed | Response:
        """A page of an archive that is no file yet."""
        pages = subject.count_changes(connection) // FEED_PAGE_SIZE if subject.count_changes else 0
        if number > pages or ending != "atom.xml":
            return _build_not_found()
        site = self._context
        imprint = site.feed_identity if subject.has_files else _remove_hub(site.feed_identity)
        content = build_archive_page(connection, subject, number, imprint, site.templates)
        feed = build_feed(subject.metadata, content, imprint, ArchivePosition(pages, number))
        own = build_feed_url(subject.metadata, imprint, ending, number)
        return encode_feed(feed.atom, ending, site.clock(), own)

    def _find_feed(self, connection: Connection, name: str, typed: str) -> FeedDefinition | None:
        kind, _, rest = name.partition("/")
        if name == "queries/feed":
            return define_query_feed(connection, typed)
        if name == EVERYTHING_FEED:
            return define_everything_feed(connection)
        if kind == "members" and rest:
            return define_member_feed(connection, rest)
        if kind == "questions" and rest:
            return define_thread_feed(connection, unquote(rest))
        topic = topics.find_by_slug(connection, name)
        return define_topic_feed(topic) if topic else None


def _evict_oldest(cache: OrderedDict[Any, Any], maximum: int) -> None:
    """Drop what was put in first, until there are no more than ``maximum``."""
    while len(cache) > maximum:
        cache.popitem(last=False)


def _remove_hub(imprint: FeedIdentity) -> FeedIdentity:
    return msgspec.structs.replace(imprint, hub=None)


def _build_not_found() -> Response:
    return PlainTextResponse("There is no such feed.\n", 404)
