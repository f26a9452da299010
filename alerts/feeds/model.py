"""Feeds as values: who publishes, what a feed is, and what is in it. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.model import ChangeKind, list_change_kinds


class FeedIdentity(msgspec.Struct, frozen=True):
    """What is the same in every feed."""

    name: str  #: ``Watchword``
    tag_authority: str  #: ``example.org,2026``; chosen once, since every id is made from it
    home_url: str  #: where a feed's title leads when there are no public pages
    public_url: str | None = None
    hub: str | None = None  #: a WebSub hub, which is told when a feed has changed
    attributions: dict[str, str] = {}  #: by source, what is to be said beside its words


class FeedItem(msgspec.Struct, frozen=True):
    """One change as every format tells it, free of what XML cannot hold."""

    id: str
    title: str
    url: str | None
    updated_at: datetime
    summary: str
    content_html: str
    author: str | None
    attachments: tuple[tuple[str, str], ...]  #: addresses and titles of what is attached
    thread_id: str | None = None  #: what a question's entries and its supplementaries' share


#: What a follower may have alone: new questions, answers, or each question once, as it stands.
FEED_FILTERS: dict[str, tuple[ChangeKind, ...]] = {
    "asked": list_change_kinds("asked"),
    "answered": list_change_kinds("answered"),
    "latest": (),
}


class FeedContent(msgspec.Struct, frozen=True):
    """What a feed holds at one time."""

    items: tuple[FeedItem, ...]  #: newest first
    rights: str


#: The formats, as a feed's name ends, and what each is called over HTTP.
MEDIA_TYPES = {
    "rss.xml": "application/rss+xml",
    "atom.xml": "application/atom+xml",
    "json": "application/feed+json",
}


class FeedMetadata(msgspec.Struct, frozen=True):
    """What is said of a feed itself."""

    id_parts: tuple[str, ...]  #: what its id is made of; nothing that changes
    title: str
    subtitle: str
    base_path: str  #: of its files and addresses, without an ending: ``VRU``, ``members/ada-brook``
    page_path: str  #: path of the page that shows the same: ``/topic/VRU``
    created_at: datetime  #: its date while it is empty
    query_string: str = ""  #: what follows its address: ``?only=asked``


class ArchivePosition(msgspec.Struct, frozen=True):
    """Where a document stands in the whole of a feed (RFC 5005 4).

    The full pages are numbered from the oldest, so that a page never changes once it is full.
    """

    full_pages: int  #: how many are full
    page_number: int | None = None  #: of the page at hand; None for the feed that is subscribed to


class FeedDocuments(msgspec.Struct, frozen=True):
    """One feed in its formats."""

    rss: bytes
    atom: bytes
    json: bytes
    updated_at: datetime  #: when something in it was last new

    def __getitem__(self, ending: str) -> bytes:
        """The bytes of the format whose names end so."""
        return {"rss.xml": self.rss, "atom.xml": self.atom, "json": self.json}[ending]
