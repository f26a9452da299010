"""Feeds as values: who publishes, what a feed is of, and what is in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from alerts.model import ChangeKind, list_change_kinds

#: The media type of each format, by the extension of its file.
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "rss.xml": "application/rss+xml",
    "atom.xml": "application/atom+xml",
    "json": "application/feed+json",
}

#: The values of ``?only=``, and the kinds of change that each leaves in a feed; none for all kinds.
#: ``latest`` shows each question once, as its newest change left it.
FEED_FILTERS: Final[Mapping[str, tuple[ChangeKind, ...]]] = {
    "asked": list_change_kinds("asked"),
    "answered": list_change_kinds("answered"),
    "latest": (),
}


class FeedIdentity(msgspec.Struct, frozen=True):
    """Who publishes: what is the same in every feed."""

    name: str  #: ``Watchword``
    tag_authority: str  #: ``example.org,2026``: part of every id, so it must not change
    home_url: str  #: what a feed's title links to if there are no public pages
    public_url: str | None = None  #: of the web pages, without a slash at the end
    hub: str | None = None  #: a WebSub hub, which is notified when a feed changes
    attributions: dict[str, str] = {}  #: by source, the notice that its licence asks for
    site_urls: dict[str, str] = {}  #: by source, the address of its site


class FeedMetadata(msgspec.Struct, frozen=True):
    """What a feed says about itself."""

    id_parts: tuple[str, ...]  #: what its id is made of; nothing that ever changes
    title: str
    subtitle: str
    base_path: str  #: of its files and addresses, without extension: ``VRU``, ``members/ada-brook``
    page_path: str  #: the path of the page with the same content: ``/topic/VRU``
    created_at: datetime  #: its date as long as it is empty
    query_string: str = ""  #: the end of its address: ``?only=asked``


class FeedItem(msgspec.Struct, frozen=True):
    """One change or notice, in texts without characters that XML cannot hold."""

    id: str  #: a ``tag:`` URI
    title: str
    url: str | None  #: of the question at its source
    updated_at: datetime  #: in whole seconds
    summary: str
    content_html: str
    author: str | None
    attachments: tuple[tuple[str, str], ...]  #: address and title of each
    thread_id: str | None = None  #: shared by the items of a question and its supplementaries
    category: str | None = None  #: the site of its source, where there are several


class ListedChanges(NamedTuple):
    """The changes in a feed, or in one page of it."""

    numbers: list[int]  #: newest first
    is_complete: bool = True  #: whether there was time to look for all that a feed has room for


class FeedContent(msgspec.Struct, frozen=True):
    """What is in a feed at one time."""

    items: tuple[FeedItem, ...]  #: newest first
    rights: str  #: the attributions of the sources; empty without any


class ArchivePosition(msgspec.Struct, frozen=True):
    """Where a document is in the whole of a feed (RFC 5005, section 4).

    Full pages are numbered from the oldest, so a page never changes once it is full.
    """

    full_pages: int  #: how many pages are full
    page_number: int | None = None  #: of this document; None for the feed that readers subscribe to


class FeedDocuments(msgspec.Struct, frozen=True):
    """One feed in its formats."""

    rss: bytes
    atom: bytes
    json: bytes
    updated_at: datetime  #: of the newest item
    position: ArchivePosition

    def __getitem__(self, extension: str) -> bytes:
        """Return the document with an extension of `MEDIA_TYPES`."""
        return {"rss.xml": self.rss, "atom.xml": self.atom, "json": self.json}[extension]
