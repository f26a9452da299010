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

from feedgen.entry import FeedEntry
from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from alerts.feeds.items import build_tag_uri
from alerts.feeds.json_feed import build_json_feed, guess_media_type
from alerts.feeds.model import (
    ArchivePosition,
    FeedContent,
    FeedDocuments,
    FeedIdentity,
    FeedItem,
    FeedMetadata,
)
from alerts.rendering import clean_xml_text

#: Some readers of RSS take a title for HTML and some do not; written in numbers, these signs are
#: read alike (RSS Best Practices Profile, "Character data").
_TITLE_ELEMENT = re.compile(rb"^ *<title>.*</title>$", re.MULTILINE)
_NUMERIC_REFERENCES = {b"&lt;": b"&#x3C;", b"&gt;": b"&#x3E;", b"&amp;": b"&#x26;"}


def build_feed(
    metadata: FeedMetadata,
    content: FeedContent,
    feed_identity: FeedIdentity,
    position: ArchivePosition,
) -> FeedDocuments:
    """The feed. The same content gives the same bytes."""
    moment = (
        content.items[0].updated_at if content.items else metadata.created_at.replace(microsecond=0)
    )
    made = {}
    for ending in ("rss.xml", "atom.xml"):
        feed = _create_generator(metadata, moment, feed_identity, position, ending)
        if content.rights:
            feed.rights(content.rights)
        for item in content.items:
            feed.add_entry(_create_entry(item, ending), order="append")
        made[ending] = feed
    own = build_feed_url(metadata, feed_identity, "json", position.page_number)
    return FeedDocuments(
        _TITLE_ELEMENT.sub(_use_numeric_references, made["rss.xml"].rss_str(pretty=True)),
        made["atom.xml"].atom_str(pretty=True),
        build_json_feed(
            build_title(metadata, feed_identity),
            content.items,
            feed_identity,
            own,
            build_page_url(metadata, feed_identity),
        ),
        moment,
    )


def build_feed_url(
    metadata: FeedMetadata, feed_identity: FeedIdentity, ending: str, page: int | None = None
) -> str | None:
    """Where a feed, or a page of its archive, is found; None without a public address."""
    if not feed_identity.public_url:
        return None
    number = f".{page}" if page else ""
    page_name = f"{metadata.base_path}{number}.{ending}{metadata.query_string}"
    return f"{feed_identity.public_url}/feeds/{page_name}"


def build_page_url(metadata: FeedMetadata, feed_identity: FeedIdentity) -> str:
    """The page that shows what the feed tells."""
    return (
        f"{feed_identity.public_url}{metadata.page_path}"
        if feed_identity.public_url
        else feed_identity.home_url
    )


def build_title(metadata: FeedMetadata, feed_identity: FeedIdentity) -> str:
    """``VRU: Watchword``"""
    return clean_xml_text(f"{metadata.title}: {feed_identity.name}")


def _create_generator(
    metadata: FeedMetadata,
    moment: datetime,
    feed_identity: FeedIdentity,
    position: ArchivePosition,
    ending: str,
) -> FeedGenerator:
    feed = FeedGenerator()
    feed.load_extension("dc", atom=False, rss=True)
    feed.register_extension("marks", FeedExtension, FeedEntryExtension)
    feed.id(build_tag_uri(feed_identity, *metadata.id_parts))
    feed.title(build_title(metadata, feed_identity))
    feed.subtitle(_escape_description(clean_xml_text(metadata.subtitle), ending))
    feed.author({"name": clean_xml_text(feed_identity.name)})
    feed.language("en-GB")
    feed.generator("Watchword")
    for rel, href in _build_links(metadata, feed_identity, position, ending).items():
        feed.link(href=href, rel=rel)
    feed.marks.hub = feed_identity.hub if feed_identity.public_url else None
    feed.marks.is_archive = position.page_number is not None
    # Last, because the last link of a feed is where RSS says that its page is.
    feed.link(href=build_page_url(metadata, feed_identity), rel="alternate")
    feed.updated(moment)
    feed.lastBuildDate(moment)
    return feed


def _build_links(
    metadata: FeedMetadata, feed_identity: FeedIdentity, position: ArchivePosition, ending: str
) -> dict[str, str]:
    """Itself, its hub, and the pages of its archive."""
    own = build_feed_url(metadata, feed_identity, ending, position.page_number)
    if own is None:
        return {}
    links = {"self": own}
    if ending != "atom.xml":
        return links  # the hub of RSS is an element of its own
    if feed_identity.hub:
        links["hub"] = feed_identity.hub
    before = position.full_pages if position.page_number is None else position.page_number - 1
    if before:
        links["prev-archive"] = f"{build_feed_url(metadata, feed_identity, ending, before)}"
    if position.page_number is not None:
        links["current"] = f"{build_feed_url(metadata, feed_identity, ending)}"
        if position.page_number < position.full_pages:
            links["next-archive"] = (
                f"{build_feed_url(metadata, feed_identity, ending, position.page_number + 1)}"
            )
    return links


def _use_numeric_references(found: re.Match[bytes]) -> bytes:
    title = found[0]
    for named, number in _NUMERIC_REFERENCES.items():
        title = title.replace(named, number)
    return title


def _escape_description(words: str, ending: str) -> str:
    """Plain words as a format wants them: in RSS a description is HTML, in Atom it is not."""
    return escape(words, quote=False) if ending == "rss.xml" else words


def _create_entry(item: FeedItem, ending: str) -> FeedEntry:
    entry = FeedEntry()
    entry.load_extension("dc", atom=False, rss=True)
    entry.register_extension("marks", FeedEntryExtension)
    entry.marks.thread_id = item.thread_id
    entry.id(item.id)
    entry.guid(item.id, permalink=False)
    entry.title(item.title)
    entry.marks.attachments = tuple(
        (url, guess_media_type(url), title) for url, title in item.attachments
    )
    if item.url:
        entry.link(href=item.url, rel="alternate")
    entry.published(item.updated_at)
    entry.updated(item.updated_at)
    # With a summary beside it feedgen puts the content where RSS has its place (content:encoded).
    entry.summary(_escape_description(item.summary, ending))
    entry.content(item.content_html, type="html")
    if item.author:
        entry.author({"name": item.author})
        entry.dc.dc_creator(item.author)  # RSS wants an email address for an author, dc does not
    return entry


_ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"


_HISTORY_NAMESPACE = "http://purl.org/syndication/history/1.0"


_THREAD_NAMESPACE = "http://purl.org/syndication/thread/1.0"


class FeedExtension(BaseExtension):  # type: ignore[misc]  # feedgen ships no types
    """Marks of a whole feed."""

    def __init__(self) -> None:
        self.hub: str | None = None
        self.is_archive = False

    def extend_ns(self) -> dict[str, str]:
        """The namespaces that the feed names."""
        return {"fh": _HISTORY_NAMESPACE, "thr": _THREAD_NAMESPACE}

    def extend_rss(self, feed: Any) -> Any:
        """Put them into RSS."""
        if self.hub:
            link = etree.Element(f"{{{_ATOM_NAMESPACE}}}link", href=self.hub, rel="hub")
            feed[0].insert(0, link)
        return feed

    def extend_atom(self, feed: Any) -> Any:
        """Put them into Atom; feedgen adds the entries afterwards."""
        if self.is_archive:
            etree.SubElement(feed, f"{{{_HISTORY_NAMESPACE}}}archive")
        return feed


class FeedEntryExtension(BaseEntryExtension):  # type: ignore[misc]
    """Marks of one entry."""

    def __init__(self) -> None:
        self.thread_id: str | None = None
        self.attachments: tuple[tuple[str, str, str], ...] = ()  #: address, type and title of each

    def extend_rss(self, entry: Any) -> Any:
        """Attach the first file: RSS has room for one. Its length is not known, which is 0."""
        for url, kind, _ in self.attachments[:1]:
            etree.SubElement(entry, "enclosure", url=url, type=kind, length="0")
        return entry

    def extend_atom(self, entry: Any) -> Any:
        """Attach the files, and say which thread it belongs to."""
        for url, kind, title in self.attachments:
            attached = {"rel": "enclosure", "href": url, "type": kind, "title": title}
            etree.SubElement(entry, "link", attached)  # feedgen puts all into one namespace
        if self.thread_id:
            etree.SubElement(entry, f"{{{_THREAD_NAMESPACE}}}in-reply-to", ref=self.thread_id)
        return entry
