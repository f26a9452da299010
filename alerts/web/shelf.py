"""Feeds over HTTP: those that are files, and those that are made when somebody asks.

What is asked for again and again lies ready, with its entity tags, in both codings; a reader that
has it is told so without a look at the ledger or a template. What is made on demand is looked at
anew once a second at most, and built anew only when there is a change in it.
"""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs, unquote

import msgspec
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from alerts.feed_items import ONLY
from alerts.feeds import FORMATS, Archive, address, build
from alerts.json_feed import Imprint
from alerts.ledger import changes, notices, topics
from alerts.ledger.engine import TooLong
from alerts.ledger.topics import EVERYTHING
from alerts.query import QueryError, canonical, parse
from alerts.subjects import (
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
from alerts.web.copies import Copy, copy_of, sent
from alerts.web.site import Site

_ENDINGS = "|".join(map(re.escape, FORMATS))
_NAME = re.compile(rf"(?P<name>.+?)(?:\.(?P<page>[1-9][0-9]{{0,5}}))?\.(?P<ending>{_ENDINGS})")
#: Feeds made on demand that are kept; each some tens of kilobytes.
_MOST_KEPT = 400
_SECOND = 1.0
_ASKING = 2.0

#: What a feed made on demand was made of: the changes in it, and the newest notice.
_Made: TypeAlias = tuple[tuple[int, ...], int]
#: One that is kept: the state of the ledger at which it was right, what it was made of, and itself.
_Kept: TypeAlias = "tuple[tuple[int, int], _Made, Copy]"


class Shelf:
    """The application below ``/feeds``."""

    def __init__(self, site: Site, ticks: Callable[[], float] = time.monotonic) -> None:
        self._site, self._ticks = site, ticks
        self._files: dict[str, tuple[tuple[int, int, int], Copy]] = {}
        self._made: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._version: tuple[int, int] = (0, 0)
        self._looked_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        if scope["method"] not in {"GET", "HEAD"}:
            refused = PlainTextResponse("Feeds are only read.\n", 405, {"Allow": "GET, HEAD"})
            await refused(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope["root_path"]).removeprefix("/")
        found: Copy | Response | None = None
        if not scope["query_string"]:
            found = self._file(path)
        if found is None:
            found = await self._on_demand(path, scope["query_string"].decode("latin-1"))
        if isinstance(found, Copy):
            await sent(found, scope, send)
        else:
            await found(scope, receive, send)

    def _file(self, path: str) -> Copy | None:
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
                own = self._own(path)
                hub = self._site.imprint.hub
                known = (mark, copy_of(file.read_bytes(), match["ending"], written, own, hub))
                self._files[path] = known
        except OSError:
            self._files.pop(path, None)
            return None
        return known[1]

    def _own(self, path: str) -> str | None:
        base = self._site.imprint.public_url
        return f"{base}/feeds/{path}" if base else None

    async def _on_demand(self, path: str, query: str) -> Copy | Response:
        now = self._ticks()
        if now - self._looked_at > _SECOND:
            self._looked_at = now
            self._version = await run_in_threadpool(self._look)
        known = self._made.get((path, query))
        if known is not None and known[0] == self._version:
            self._made.move_to_end((path, query))
            return known[2]
        try:
            return await run_in_threadpool(self._make, path, query)
        except QueryError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except TooLong:
            return PlainTextResponse("That takes too long to look for. Add a rarer word.\n", 503)

    def _look(self) -> tuple[int, int]:
        with self._site.ledger.reading() as connection:
            return changes.newest(connection), notices.newest_number(connection)

    def _make(self, path: str, query: str) -> Copy | Response:
        match = _NAME.fullmatch(path)
        if match is None or "\0" in unquote(path + query):  # which no database takes
            return _nothing()
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        only = asked.get("only")
        if only is not None and only not in ONLY:
            return PlainTextResponse(f"There are only={', '.join(ONLY)}.\n", 400)
        site, version = self._site, self._version
        with site.ledger.reading_for(_ASKING) as connection:
            if match["name"] == "queries/feed" and only is None:
                known = topics.find(connection, canonical(parse(asked.get("q", ""))))
                if known is not None:
                    return RedirectResponse(f"/feeds/{known.slug}.{match['ending']}", 302)
            subject = self._subject(connection, match["name"], asked)
            if subject is None:
                return _nothing()
            if match["page"]:
                return self._page(connection, subject, int(match["page"]), match["ending"])
            subject = narrowed(subject, only)
            kinds = ONLY[only] if only else ()
            made = tuple(subject.newest(connection, kinds)), version[1]
            kept = self._made.get((path, query))
            copy = kept[2] if kept is not None and kept[1] == made else None
            if copy is None:
                pages = subject.count(connection) // ENTRIES if subject.count else 0
                parts = (subject, made[0], site.imprint, site.templates, only)
                content = content_of(connection, *parts)
                # The hub is told of what is filed alone, so only that names it.
                imprint = site.imprint if subject.count else _without_hub(site.imprint)
                feed = build(subject.head, content, imprint, Archive(pages))
                own = address(subject.head, imprint, match["ending"])
                hub = imprint.hub
                copy = copy_of(feed[match["ending"]], match["ending"], feed.moment, own, hub)
        self._keep((path, query), version, made, copy)
        return copy

    def _page(
        self, connection: Connection, subject: Subject, number: int, ending: str
    ) -> Copy | Response:
        """A page of an archive that is no file yet."""
        pages = subject.count(connection) // ENTRIES if subject.count else 0
        if number > pages or ending != "atom.xml":
            return _nothing()
        site = self._site
        content = archived(connection, subject, number, site.imprint, site.templates)
        feed = build(subject.head, content, site.imprint, Archive(pages, number))
        own = address(subject.head, site.imprint, ending, number)
        return copy_of(feed.atom, ending, feed.moment, own)

    def _subject(self, connection: Connection, name: str, asked: dict[str, str]) -> Subject | None:
        kind, _, rest = name.partition("/")
        if name == "queries/feed":
            return of_query(connection, asked.get("q", ""))
        if name == EVERYTHING:
            return of_everything(connection)
        if kind == "members":
            return of_member(connection, rest)
        if kind == "questions":
            return of_thread(connection, unquote(rest))
        topic = topics.by_slug(connection, name)
        return of_topic(topic) if topic else None

    def _keep(
        self, key: tuple[str, str], version: tuple[int, int], made: _Made, copy: Copy
    ) -> None:
        self._made[key] = (version, made, copy)
        self._made.move_to_end(key)
        while len(self._made) > _MOST_KEPT:
            self._made.popitem(last=False)


def _without_hub(imprint: Imprint) -> Imprint:
    return msgspec.structs.replace(imprint, hub=None)


def _nothing() -> Response:
    return PlainTextResponse("There is no such feed.\n", 404)
