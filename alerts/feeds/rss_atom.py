"""The feed writer: RSS 2.0 and Atom by feedgen, and all formats of one feed together. Pure.

feedgen's defaults do not fit, so it is wrapped: a control character makes it fail, the last link
that is added becomes the channel's, entries come out in reverse, and its dates are the time of the
build, so that an unchanged feed would have other bytes each time.
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

_ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
_HISTORY_NAMESPACE = "http://purl.org/syndication/history/1.0"
_THREAD_NAMESPACE = "http://purl.org/syndication/thread/1.0"

#: Some RSS readers read a title as HTML and some as text. Numeric references are read alike by both
#: (RSS Best Practices Profile, "Character Data").
_TITLE_ELEMENT = re.compile(rb"^ *<title>.*</title>$", re.MULTILINE)
_NUMERIC_REFERENCES = {b"&lt;": b"&#x3C;", b"&gt;": b"&#x3E;", b"&amp;": b"&#x26;"}


def build_feed(
    metadata: FeedMetadata,
    content: FeedContent,
    identity: FeedIdentity,
    position: ArchivePosition,
) -> FeedDocuments:
    """Return a feed in its formats. The same arguments give the same bytes."""
    moment = (
        content.items[0].updated_at if content.items else metadata.created_at.replace(microsecond=0)
    )
    rss, atom = (
        _add_content(
            _create_generator(metadata, moment, identity, position, extension), content, extension
        )
        for extension in ("rss.xml", "atom.xml")
    )
    own = build_feed_url(metadata, identity, "json", position.page_number)
    return FeedDocuments(
        _TITLE_ELEMENT.sub(_use_numeric_references, rss.rss_str(pretty=True)),
        atom.atom_str(pretty=True),
        build_json_feed(
            build_title(metadata, identity),
            content.items,
            identity,
            own,
            build_page_url(metadata, identity),
        ),
        moment,
        position,
    )


def _add_content(feed: FeedGenerator, content: FeedContent, extension: str) -> FeedGenerator:
    if content.rights:
        feed.rights(content.rights)
    for item in content.items:
        feed.add_entry(_create_entry(item, extension), order="append")
    return feed


def build_feed_url(
    metadata: FeedMetadata, identity: FeedIdentity, extension: str, page: int | None = None
) -> str | None:
    """Return the address of a feed, or of a page of its archive; None without public pages."""
    if not identity.public_url:
        return None
    number = f".{page}" if page else ""
    page_name = f"{metadata.base_path}{number}.{extension}{metadata.query_string}"
    return f"{identity.public_url}/feeds/{page_name}"


def build_page_url(metadata: FeedMetadata, identity: FeedIdentity) -> str:
    """Return the address of the page with the content of the feed; of the home page without one."""
    return (
        f"{identity.public_url}{metadata.page_path}" if identity.public_url else identity.home_url
    )


def build_title(metadata: FeedMetadata, identity: FeedIdentity) -> str:
    """Return the title of a feed: ``VRU: Watchword``."""
    return clean_xml_text(f"{metadata.title}: {identity.name}")


def _create_generator(
    metadata: FeedMetadata,
    moment: datetime,
    identity: FeedIdentity,
    position: ArchivePosition,
    extension: str,
) -> FeedGenerator:
    feed = FeedGenerator()
    feed.load_extension("dc", atom=False, rss=True)
    feed.register_extension("extras", FeedExtension, FeedEntryExtension)
    feed.id(build_tag_uri(identity, *metadata.id_parts))
    feed.title(build_title(metadata, identity))
    feed.subtitle(_escape_description(clean_xml_text(metadata.subtitle), extension))
    feed.author({"name": clean_xml_text(identity.name)})
    feed.language("en-GB")
    feed.generator("Watchword")
    for rel, href in _build_links(metadata, identity, position, extension).items():
        feed.link(href=href, rel=rel)
    feed.extras.hub = identity.hub if identity.public_url else None
    feed.extras.is_archive = position.page_number is not None
    # Added last: feedgen takes the last link for the address of the page in RSS.
    feed.link(href=build_page_url(metadata, identity), rel="alternate")
    feed.updated(moment)
    feed.lastBuildDate(moment)
    return feed


def _build_links(
    metadata: FeedMetadata, identity: FeedIdentity, position: ArchivePosition, extension: str
) -> dict[str, str]:
    """Return the links by relation: itself, its hub, and the neighbouring pages of its archive."""
    own = build_feed_url(metadata, identity, extension, position.page_number)
    if own is None:
        return {}
    links = {"self": own}
    if extension != "atom.xml":
        return links  # in RSS the hub is an element of Atom: see FeedExtension
    if identity.hub:
        links["hub"] = identity.hub
    before = position.full_pages if position.page_number is None else position.page_number - 1
    if before:
        links["prev-archive"] = f"{build_feed_url(metadata, identity, extension, before)}"
    if position.page_number is not None:
        links["current"] = f"{build_feed_url(metadata, identity, extension)}"
        if position.page_number < position.full_pages:
            links["next-archive"] = (
                f"{build_feed_url(metadata, identity, extension, position.page_number + 1)}"
            )
    return links


def _use_numeric_references(found: re.Match[bytes]) -> bytes:
    title = found[0]
    for named, number in _NUMERIC_REFERENCES.items():
        title = title.replace(named, number)
    return title


def _escape_description(text: str, extension: str) -> str:
    """Return a plain text as a format expects it: in RSS a description is HTML, in Atom text."""
    return escape(text, quote=False) if extension == "rss.xml" else text


def _create_entry(item: FeedItem, extension: str) -> FeedEntry:
    entry = FeedEntry()
    entry.load_extension("dc", atom=False, rss=True)
    entry.register_extension("extras", FeedEntryExtension)
    entry.extras.thread_id = item.thread_id
    entry.id(item.id)
    entry.guid(item.id, permalink=False)
    entry.title(item.title)
    entry.extras.attachments = tuple(
        (url, guess_media_type(url), title) for url, title in item.attachments
    )
    if item.url:
        entry.link(href=item.url, rel="alternate")
    entry.published(item.updated_at)
    entry.updated(item.updated_at)
    # With a summary beside it, feedgen puts the content into content:encoded, where RSS has it.
    entry.summary(_escape_description(item.summary, extension))
    entry.content(item.content_html, type="html")
    if item.category:
        entry.category(term=item.category)
    if item.author:
        entry.author({"name": item.author})
        entry.dc.dc_creator(
            item.author
        )  # an author in RSS is an email address; dc:creator is a name
    return entry


class FeedExtension(BaseExtension):  # type: ignore[misc]  # feedgen ships no types
    """Elements of a feed that feedgen does not know: the hub (RSS) and the archive mark (Atom)."""

    def __init__(self) -> None:
        self.hub: str | None = None
        self.is_archive = False

    def extend_ns(self) -> dict[str, str]:
        """Return the namespaces that the elements are in."""
        return {"fh": _HISTORY_NAMESPACE, "thr": _THREAD_NAMESPACE}

    def extend_rss(self, feed: Any) -> Any:
        """Add the hub to RSS."""
        if self.hub:
            link = etree.Element(f"{{{_ATOM_NAMESPACE}}}link", href=self.hub, rel="hub")
            feed[0].insert(0, link)
        return feed

    def extend_atom(self, feed: Any) -> Any:
        """Add the archive mark (RFC 5005, section 4) to Atom; feedgen adds the entries later."""
        if self.is_archive:
            etree.SubElement(feed, f"{{{_HISTORY_NAMESPACE}}}archive")
        return feed


class FeedEntryExtension(BaseEntryExtension):  # type: ignore[misc]
    """Elements of an entry that feedgen does not know: its attachments and its thread."""

    def __init__(self) -> None:
        self.thread_id: str | None = None
        self.attachments: tuple[tuple[str, str, str], ...] = ()  #: address, type and title of each

    def extend_rss(self, entry: Any) -> Any:
        """Add the first attachment: RSS allows one. Its length is unknown, which is written 0."""
        for url, kind, _ in self.attachments[:1]:
            etree.SubElement(entry, "enclosure", url=url, type=kind, length="0")
        return entry

    def extend_atom(self, entry: Any) -> Any:
        """Add the attachments, and the thread (RFC 4685)."""
        for url, kind, title in self.attachments:
            attached = {"rel": "enclosure", "href": url, "type": kind, "title": title}
            etree.SubElement(entry, "link", attached)  # feedgen sets the namespace
        if self.thread_id:
            etree.SubElement(entry, f"{{{_THREAD_NAMESPACE}}}in-reply-to", ref=self.thread_id)
        return entry
