"""What feedgen has no words for, or loses: the hub in RSS, files attached in Atom, archived pages
(RFC 5005), threads (RFC 4685).
"""

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
        """Put them into Atom; feedgen adds the entries afterwards."""
        if self.is_archive:
            etree.SubElement(feed, f"{{{_HISTORY}}}archive")
        return feed


class EntryMarks(BaseEntryExtension):  # type: ignore[misc]
    """Marks of one entry."""

    def __init__(self) -> None:
        self.thread: str | None = None
        self.files: tuple[tuple[str, str, str], ...] = ()  #: address, type and title of each

    def extend_rss(self, entry: Any) -> Any:
        """Attach the first file: RSS has room for one. Its length is not known, which is 0."""
        for url, kind, _ in self.files[:1]:
            etree.SubElement(entry, "enclosure", url=url, type=kind, length="0")
        return entry

    def extend_atom(self, entry: Any) -> Any:
        """Attach the files, and say which thread it belongs to."""
        for url, kind, title in self.files:
            attached = {"rel": "enclosure", "href": url, "type": kind, "title": title}
            etree.SubElement(entry, "link", attached)  # feedgen puts all into one namespace
        if self.thread:
            etree.SubElement(entry, f"{{{_THREAD}}}in-reply-to", ref=self.thread)
        return entry
