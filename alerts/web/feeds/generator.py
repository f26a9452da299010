"""Feeds made on request: of queries, members and threads, filtered ones, and archive pages."""

from __future__ import annotations

import re
from typing import TypeAlias
from urllib.parse import unquote

import msgspec
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from alerts.feeds import (
    FEED_FILTERS,
    MEDIA_TYPES,
    PRIVATE_FEEDS,
    ArchivePosition,
    FeedDefinition,
    build_archive_page,
    build_feed_url,
    build_newest_page,
    define_private_feed,
    filter_feed,
    find_feed,
)
from alerts.language import gettext_noop as _
from alerts.ledger import notices, publication, subscriptions, takedowns, topics
from alerts.queries import format_canonical, parse_query
from alerts.web.errors import NOT_PUBLIC
from alerts.web.feeds.response import EncodedFeed, encode_feed
from alerts.web.work import WorkContext

#: Seconds that the database may spend on one statement.
_STATEMENT_SECONDS = 2.0
#: The feed of whatever query is typed; ``q`` has the query.
_QUERY_FEED = "queries/feed"
_EXTENSIONS = "|".join(map(re.escape, MEDIA_TYPES))
#: ``members/ada-brook.3.atom.xml``: name, archive page (from 1, at most six digits), extension.
_FEED_PATH = re.compile(
    rf"(?P<name>.+?)(?:\.(?P<page>[1-9][0-9]{{0,5}}))?\.(?P<extension>{_EXTENSIONS})"
)

#: What decides whether a feed has to be built again: the numbers of the changes in it, whether they
#: are all, the id of the newest notice, and how many questions are taken down.
FeedVersion: TypeAlias = tuple[tuple[int, ...], bool, int, int]


class FeedPath(msgspec.Struct, frozen=True):
    """A feed's path below ``/feeds/``, taken apart."""

    name: str  #: ``VRU``, ``members/ada-brook``
    extension: str  #: ``atom.xml``
    page: int | None  #: of the archive; None for the feed itself


class FeedRequest(msgspec.Struct, frozen=True):
    """The parts of a request that make one feed differ from another."""

    path: str
    query: str | None = None
    only: str | None = None


class GeneratedFeed(msgspec.Struct, frozen=True):
    """A feed and what it was built from; ``version`` None for an archive page, never kept."""

    version: FeedVersion | None
    feed: EncodedFeed


#: How the paths of feeds end.
_ENDINGS = tuple(f".{extension}" for extension in MEDIA_TYPES)


def is_feed_path(path: str) -> bool:
    """Return whether a path ends as the file of a feed does."""
    return path.endswith(_ENDINGS)


def parse_feed_path(path: str) -> FeedPath | None:
    """Split ``path``; None where it does not name a feed."""
    found = _FEED_PATH.fullmatch(path)
    if found is None or "\0" in unquote(path):  # PostgreSQL refuses NUL in text
        return None
    page = found["page"]
    return FeedPath(found["name"], found["extension"], int(page) if page else None)


def is_private_feed(name: str) -> bool:
    """Return whether a feed's name, or its path, is that of a subscriber's own feed."""
    return name.startswith(f"{PRIVATE_FEEDS}/")


def generate_feed(
    context: WorkContext, request: FeedRequest, known: FeedVersion | None
) -> GeneratedFeed | RedirectResponse | None:
    """Build a feed as :meth:`FeedGenerator.generate` does."""
    return FeedGenerator(context).generate(request, known)


class FeedGenerator:
    """Builds feeds from the ledger. Has no state of its own."""

    def __init__(self, context: WorkContext) -> None:
        self._context = context

    def generate(
        self, request: FeedRequest, known: FeedVersion | None
    ) -> GeneratedFeed | RedirectResponse | None:
        """Build the feed that ``request`` names.

        Args:
            request: what was asked for.
            known: the version of the feed that was built last.

        Returns:
            The feed, or for the feed of a query that is a public topic a redirect to its feed;
            None where nothing in the feed has changed since the known version.

        Raises:
            HTTPException: 404 where there is no such feed, 410 where it was public and is not any
                more, 400 for an unknown filter.
            QueryError: the query cannot be read.
            StatementTimeout: the database took too long.
        """
        path, query = parse_feed_path(request.path), request.query or ""
        if path is None or "\0" in query:
            raise _build_not_found()
        if request.only is not None and request.only not in FEED_FILTERS:
            raise HTTPException(400, f"only: expected one of {', '.join(FEED_FILTERS)}.")
        with self._context.ledger.reading_with_timeout(_STATEMENT_SECONDS) as connection:
            if path.name == _QUERY_FEED and request.only is None:
                topic = topics.find_public(connection, format_canonical(parse_query(query)))
                if topic is not None:
                    return RedirectResponse(f"/feeds/{topic.slug}.{path.extension}", 302)
            definition = self.find(connection, path.name, query)
            if path.page is not None:
                return self._build_page(connection, definition, path.page, path.extension)
            return self._build(connection, definition, path.extension, request.only, known)

    def find(self, connection: Connection, name: str, query: str) -> FeedDefinition:
        """Return the feed with a name, as in its address.

        Raises:
            HTTPException: 404 where there is no such feed, 410 where it was public and is not any
                more.
            QueryError: the query cannot be read.
        """
        definition = (
            self._find_private(connection, name)
            if is_private_feed(name)
            else find_feed(connection, name, query)
        )
        if definition is not None:
            return definition
        if publication.is_retired(connection, name):
            raise HTTPException(410, NOT_PUBLIC)
        raise _build_not_found()

    def has_own_address(self, path: str) -> bool:
        """Return whether a path is that of a subscriber's own feed, with a token that we signed."""
        parsed = parse_feed_path(path)
        return parsed is not None and self._open_token(parsed.name) is not None

    def _open_token(self, name: str) -> str | None:
        """Return the key in the name of a subscriber's own feed; None where it has none of ours."""
        prefix, _, token = name.partition("/")
        is_own = prefix == PRIVATE_FEEDS
        return self._context.token_signer.verify_lasting("feed", token) if is_own else None

    def _find_private(self, connection: Connection, name: str) -> FeedDefinition | None:
        """Return the feed that a subscriber's token names; None for a wrong or former one."""
        key = self._open_token(name)
        mine = subscriptions.find_by_feed_key(connection, key) if key else None
        if mine is None:
            return None
        return define_private_feed(
            topics.get(connection, mine.topic_id),
            mine.query,
            name.removeprefix(f"{PRIVATE_FEEDS}/"),
        )

    def _build(
        self,
        connection: Connection,
        definition: FeedDefinition,
        extension: str,
        only: str | None,
        known: FeedVersion | None,
    ) -> GeneratedFeed | None:
        definition = filter_feed(definition, only)
        kinds = FEED_FILTERS[only] if only else ()
        listed = definition.list_newest(connection, kinds)
        newest_notice = notices.get_newest_id(connection)
        taken_down = takedowns.count(connection)
        version = tuple(listed.numbers), listed.is_complete, newest_notice, taken_down
        if known == version:
            return None
        site, feed_context = self._context, self._context.feed_context
        identity = feed_context.identify(definition)
        feed = build_newest_page(connection, definition, listed, feed_context, only)
        encoded = encode_feed(
            feed[extension],
            extension,
            # The time of building, not of the newest change: a correction can change older items.
            site.clock(),
            self_url=build_feed_url(definition.metadata, identity, extension),
            hub_url=identity.hub,
            is_private=is_private_feed(definition.metadata.base_path),
        )
        return GeneratedFeed(version, encoded)

    def _build_page(
        self, connection: Connection, definition: FeedDefinition, page: int, extension: str
    ) -> GeneratedFeed:
        """Build an archive page that has not been published as a file yet (RFC 5005 4)."""
        pages = definition.count_pages(connection)
        if page > pages or extension != "atom.xml":
            raise _build_not_found()
        site, feed_context = self._context, self._context.feed_context
        feed = build_archive_page(
            connection, definition, ArchivePosition(pages, page), feed_context
        )
        identity = feed_context.identify(definition)
        encoded = encode_feed(
            feed.atom,
            extension,
            site.clock(),
            self_url=build_feed_url(definition.metadata, identity, extension, page),
            is_private=is_private_feed(definition.metadata.base_path),
        )
        return GeneratedFeed(None, encoded)


def _build_not_found() -> HTTPException:
    return HTTPException(404, _("There is no such feed."))
