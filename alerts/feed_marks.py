"""What feedgen has no words for: the hub in RSS, archived pages (RFC 5005), threads (RFC 4685)."""

from __future__ import annotations

from typing import Any

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

_ATOM = "http://www.w3.org/2005/Atom"
_HISTORY = "http://purl.org/syndication/history/1.0"
_THREAD = "http://purl.org/syndication/thread/1.0"


class FeedMarks(BaseExtension):  # type: ignore[misc]  # feedgen ships no types
    """Marks of a whole feed."""

    def __init__(self) -> None:
        self.hub: str | None = None
        self.is_archive = False

    def extend_ns(self) -> dict[str, str]:
        """The namespaces that the feed names."""
        return {"fh": _HISTORY, "thr": _THREAD}

    def extend_rss(self, feed: Any) -> Any:
        """Put them into RSS."""
        if self.hub:
            link = etree.Element(f"{{{_ATOM}}}link", href=self.hub, rel="hub")
            feed[0].insert(0, link)
        return feed

    def extend_atom(self, feed: Any) -> Any:
        """Put them into Atom, before the entries."""
        if self.is_archive:
            first = feed.find(f"{{{_ATOM}}}entry")
            mark = etree.Element(f"{{{_HISTORY}}}archive")
            feed.insert(len(feed) if first is None else feed.index(first), mark)
        return feed


class EntryMarks(BaseEntryExtension):  # type: ignore[misc]
    """Marks of one entry."""

    def __init__(self) -> None:
        self.thread: str | None = None

    def extend_atom(self, entry: Any) -> Any:
        """Say which thread it belongs to."""
        if self.thread:
            etree.SubElement(entry, f"{{{_THREAD}}}in-reply-to", ref=self.thread)
        return entry
