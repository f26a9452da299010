"""A feed as RSS 2.0, Atom and JSON Feed. Pure.

feedgen is wrapped for what it does by habit: one control character loses the whole feed, the last
link added becomes the channel's, entries come out in reverse, and both dates of a build are the
moment of the build, so that a feed that did not change would never be the same twice.
"""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from typing import Any

import msgspec
from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from alerts.feeds.items import Content, clean, tag
from alerts.feeds.json_feed import Imprint, Item, json_feed, media_type

#: The formats, as a feed's name ends, and what each is called over HTTP.
FORMATS = {
    "rss.xml": "application/rss+xml",
    "atom.xml": "application/atom+xml",
    "json": "application/feed+json",
}

#: Some readers of RSS take a title for HTML and some do not; written in numbers, these signs are
#: read alike (RSS Best Practices Profile, "Character data").
_TITLE = re.compile(rb"^ *<title>.*</title>$", re.MULTILINE)
_SIGNS = {b"&lt;": b"&#x3C;", b"&gt;": b"&#x3E;", b"&amp;": b"&#x26;"}


class Masthead(msgspec.Struct, frozen=True):
    """What is said of a feed itself."""

    key: tuple[str, ...]  #: what its id is made of; nothing that changes
    title: str
    subtitle: str
    name: str  #: of its files and addresses, without an ending: ``VRU``, ``members/ada-brook``
    page: str  #: path of the page that shows the same: ``/topic/VRU``
    since: datetime  #: its date while it is empty
    asked_with: str = ""  #: what follows its address: ``?only=asked``


class Archive(msgspec.Struct, frozen=True):
    """Where a document stands in the whole of a feed (RFC 5005 4).

    The full pages are numbered from the oldest, so that a page never changes once it is full.
    """

    pages: int  #: how many are full
    number: int | None = None  #: of the page at hand; None for the feed that is subscribed to


class Feed(msgspec.Struct, frozen=True):
    """One feed in its formats."""

    rss: bytes
    atom: bytes
    json: bytes
    moment: datetime  #: when something in it was last new

    def __getitem__(self, ending: str) -> bytes:
        """The bytes of the format whose names end so."""
        return {"rss.xml": self.rss, "atom.xml": self.atom, "json": self.json}[ending]


def build(head: Masthead, content: Content, imprint: Imprint, archive: Archive) -> Feed:
    """The feed. The same content gives the same bytes."""
    moment = content.items[0].moment if content.items else head.since.replace(microsecond=0)
    made = {}
    for ending in ("rss.xml", "atom.xml"):
        feed = _feed(head, moment, imprint, archive, ending)
        if content.rights:
            feed.rights(content.rights)
        for item in content.items:
            feed.add_entry(_entry(item, ending), order="append")
        made[ending] = feed
    own = address(head, imprint, "json", archive.number)
    return Feed(
        _TITLE.sub(_in_numbers, made["rss.xml"].rss_str(pretty=True)),
        made["atom.xml"].atom_str(pretty=True),
        json_feed(title_of(head, imprint), content.items, imprint, own, page_of(head, imprint)),
        moment,
    )


def address(head: Masthead, imprint: Imprint, ending: str, page: int | None = None) -> str | None:
    """Where a feed, or a page of its archive, is found; None without a public address."""
    if not imprint.public_url:
        return None
    number = f".{page}" if page else ""
    return f"{imprint.public_url}/feeds/{head.name}{number}.{ending}{head.asked_with}"


def page_of(head: Masthead, imprint: Imprint) -> str:
    """The page that shows what the feed tells."""
    return f"{imprint.public_url}{head.page}" if imprint.public_url else imprint.home_url


def title_of(head: Masthead, imprint: Imprint) -> str:
    """``VRU: Watchword``"""
    return clean(f"{head.title}: {imprint.name}")


def _feed(
    head: Masthead, moment: datetime, imprint: Imprint, archive: Archive, ending: str
) -> FeedGenerator:
    feed = FeedGenerator()
    feed.load_extension("dc", atom=False, rss=True)
    feed.register_extension("marks", FeedMarks, EntryMarks)
    feed.id(tag(imprint, *head.key))
    feed.title(title_of(head, imprint))
    feed.subtitle(_described(clean(head.subtitle), ending))
    feed.author({"name": clean(imprint.name)})
    feed.language("en-GB")
    feed.generator("Watchword")
    for rel, href in _links(head, imprint, archive, ending).items():
        feed.link(href=href, rel=rel)
    feed.marks.hub = imprint.hub if imprint.public_url else None
    feed.marks.is_archive = archive.number is not None
    # Last, because the last link of a feed is where RSS says that its page is.
    feed.link(href=page_of(head, imprint), rel="alternate")
    feed.updated(moment)
    feed.lastBuildDate(moment)
    return feed


def _links(head: Masthead, imprint: Imprint, archive: Archive, ending: str) -> dict[str, str]:
    """Itself, its hub, and the pages of its archive."""
    own = address(head, imprint, ending, archive.number)
    if own is None:
        return {}
    links = {"self": own}
    if ending != "atom.xml":
        return links  # the hub of RSS is an element of its own
    if imprint.hub:
        links["hub"] = imprint.hub
    before = archive.pages if archive.number is None else archive.number - 1
    if before:
        links["prev-archive"] = f"{address(head, imprint, ending, before)}"
    if archive.number is not None:
        links["current"] = f"{address(head, imprint, ending)}"
        if archive.number < archive.pages:
            links["next-archive"] = f"{address(head, imprint, ending, archive.number + 1)}"
    return links


def _in_numbers(found: re.Match[bytes]) -> bytes:
    title = found[0]
    for named, number in _SIGNS.items():
        title = title.replace(named, number)
    return title


def _described(words: str, ending: str) -> str:
    """Plain words as a format wants them: in RSS a description is HTML, in Atom it is not."""
    return escape(words, quote=False) if ending == "rss.xml" else words


def _entry(item: Item, ending: str) -> FeedEntry:
    entry = FeedEntry()
    entry.load_extension("dc", atom=False, rss=True)
    entry.register_extension("marks", EntryMarks)
    entry.marks.thread = item.thread
    entry.id(item.id)
    entry.guid(item.id, permalink=False)
    entry.title(item.title)
    entry.marks.files = tuple((url, media_type(url), title) for url, title in item.files)
    if item.url:
        entry.link(href=item.url, rel="alternate")
    entry.published(item.moment)
    entry.updated(item.moment)
    # With a summary beside it feedgen puts the content where RSS has its place (content:encoded).
    entry.summary(_described(item.summary, ending))
    entry.content(item.html, type="html")
    if item.author:
        entry.author({"name": item.author})
        entry.dc.dc_creator(item.author)  # RSS wants an email address for an author, dc does not
    return entry


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
