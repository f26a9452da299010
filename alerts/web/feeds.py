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

from alerts.feeds.items import ONLY
from alerts.feeds.json_feed import Imprint
from alerts.feeds.kinds import (
    ENTRIES,
    Subject,
    archived,
    content_of,
    narrowed,
    of_everything,
    of_member,
    of_query,
    of_thread,
    of_topic,
)
from alerts.feeds.xml import FORMATS, Archive, address, build
from alerts.ledger import notices, topics
from alerts.ledger.engine import TooLong
from alerts.ledger.topics import EVERYTHING
from alerts.queries.parse import QueryError, canonical, parse
from alerts.web.context import Site
from alerts.web.feed_response import Copy, copy_of, sent

_ENDINGS = "|".join(map(re.escape, FORMATS))
_NAME = re.compile(rf"(?P<name>.+?)(?:\.(?P<page>[1-9][0-9]{{0,5}}))?\.(?P<ending>{_ENDINGS})")
#: Feeds made on demand that are kept, each some tens of kilobytes, and files likewise.
_MOST_KEPT = 400
_MOST_FILES = 1500
_SECOND = 1.0
_ASKING = 2.0

#: What a feed made on demand was made of: the changes in it, and the newest notice.
_Made: TypeAlias = tuple[tuple[int, ...], int]
#: One that is kept: when it was last right, what it was made of, and itself.
_Kept: TypeAlias = "tuple[float, _Made, Copy]"


#: What tells one version of a file from the next.
_Mark: TypeAlias = tuple[int, int, int]


class _Wanted(msgspec.Struct, frozen=True):
    """What makes one feed differ from another in what is asked for."""

    path: str
    q: str | None
    only: str | None


class Shelf:
    """The application below ``/feeds``."""

    def __init__(self, site: Site, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._ticks = site, ticks
        self._files: OrderedDict[str, tuple[_Mark, Copy]] = OrderedDict()
        self._made: OrderedDict[_Wanted, _Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] not in {"GET", "HEAD"}:
            refused = PlainTextResponse("Feeds are only read.\n", 405, {"Allow": "GET, HEAD"})
            await refused(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope["root_path"]).removeprefix("/")
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        wanted = _Wanted(path, *(asked.get(name, [None])[0] for name in ("q", "only")))
        found: Copy | Response | None = None
        if wanted.q is None and wanted.only is None:  # whatever else is asked makes no difference
            found = await self._file(path)
        if found is None:
            found = await self._on_demand(wanted)
        if isinstance(found, Copy):
            await sent(found, scope, send)
        else:
            await found(scope, receive, send)

    async def _file(self, path: str) -> Copy | None:
        """A feed that lies in the folder, as it is at this moment."""
        match = _NAME.fullmatch(path)
        if match is None or "/" in path or "\0" in path or path.startswith("."):
            return None
        file = self._site.feeds / path
        try:
            stat = os.stat(file)  # noqa: PTH116  # asked at each request
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._files.get(path)
            if known is None or known[0] != mark:
                written = datetime.fromtimestamp(stat.st_mtime, UTC)
                copy = await run_in_threadpool(self._load, file, match["ending"], written)
                known = self._files[path] = (mark, copy)
                _bound(self._files, _MOST_FILES)
        except OSError:
            self._files.pop(path, None)
            return None
        return known[1]

    def _load(self, file: Path, ending: str, written: datetime) -> Copy:
        own = self._own(file.name)
        return copy_of(file.read_bytes(), ending, written, own, self._site.imprint.hub)

    def _own(self, path: str) -> str | None:
        base = self._site.imprint.public_url
        return f"{base}/feeds/{path}" if base else None

    async def _on_demand(self, wanted: _Wanted) -> Copy | Response:
        known = self._made.get(wanted)
        if known is not None and self._ticks() - known[0] <= _SECOND:
            return known[2]
        try:
            return await run_in_threadpool(self._make, wanted)
        except QueryError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except TooLong:
            return PlainTextResponse("That takes too long to look for. Add a rarer word.\n", 503)

    def _make(self, wanted: _Wanted) -> Copy | Response:
        typed, only = wanted.q or "", wanted.only
        match = _NAME.fullmatch(wanted.path)
        if match is None or "\0" in unquote(wanted.path) + typed:  # which no database takes
            return _nothing()
        if only is not None and only not in ONLY:
            return PlainTextResponse(f"There are only={', '.join(ONLY)}.\n", 400)
        site, looked_at = self._site, self._ticks()
        with site.ledger.reading_for(_ASKING) as connection:
            if match["name"] == "queries/feed" and only is None:
                known = topics.find(connection, canonical(parse(typed)))
                if known is not None:
                    return RedirectResponse(f"/feeds/{known.slug}.{match['ending']}", 302)
            subject = self._subject(connection, match["name"], typed)
            if subject is None:
                return _nothing()
            if match["page"]:
                return self._page(connection, subject, int(match["page"]), match["ending"])
            subject = narrowed(subject, only)
            kinds = ONLY[only] if only else ()
            told = notices.newest_number(connection)
            made = tuple(subject.newest(connection, kinds)), told
            kept = self._made.get(wanted)
            copy = kept[2] if kept is not None and kept[1] == made else None
            if copy is None:
                pages = subject.count(connection) // ENTRIES if subject.count else 0
                parts = (subject, made[0], site.imprint, site.templates, only)
                content = content_of(connection, *parts)
                # The hub is told of what is filed alone, so only that names it.
                imprint = site.imprint if subject.is_filed else _without_hub(site.imprint)
                feed = build(subject.head, content, imprint, Archive(pages))
                own = address(subject.head, imprint, match["ending"])
                # It is new as of now: what it tells may have happened before what it told.
                body, hub = feed[match["ending"]], imprint.hub
                copy = copy_of(body, match["ending"], site.clock(), own, hub)
        self._made[wanted] = (looked_at, made, copy)
        self._made.move_to_end(wanted)
        _bound(self._made, _MOST_KEPT)
        return copy

    def _page(
        self, connection: Connection, subject: Subject, number: int, ending: str
    ) -> Copy | Response:
        """A page of an archive that is no file yet."""
        pages = subject.count(connection) // ENTRIES if subject.count else 0
        if number > pages or ending != "atom.xml":
            return _nothing()
        site = self._site
        imprint = site.imprint if subject.is_filed else _without_hub(site.imprint)
        content = archived(connection, subject, number, imprint, site.templates)
        feed = build(subject.head, content, imprint, Archive(pages, number))
        own = address(subject.head, imprint, ending, number)
        return copy_of(feed.atom, ending, site.clock(), own)

    def _subject(self, connection: Connection, name: str, typed: str) -> Subject | None:
        kind, _, rest = name.partition("/")
        if name == "queries/feed":
            return of_query(connection, typed)
        if name == EVERYTHING:
            return of_everything(connection)
        if kind == "members" and rest:
            return of_member(connection, rest)
        if kind == "questions" and rest:
            return of_thread(connection, unquote(rest))
        topic = topics.by_slug(connection, name)
        return of_topic(topic) if topic else None


def _bound(kept: OrderedDict[Any, Any], most: int) -> None:
    """Drop what was put in first, until there are no more than ``most``."""
    while len(kept) > most:
        kept.popitem(last=False)


def _without_hub(imprint: Imprint) -> Imprint:
    return msgspec.structs.replace(imprint, hub=None)


def _nothing() -> Response:
    return PlainTextResponse("There is no such feed.\n", 404)
