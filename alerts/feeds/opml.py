"""A list of feeds that feed readers import (OPML 2.0, http://opml.org/spec2.opml). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree
from lxml.builder import E

from alerts.feeds.model import FeedIdentity, FeedMetadata
from alerts.rendering import clean_xml_text


def build_opml(feeds: Iterable[tuple[str, FeedMetadata]], identity: FeedIdentity) -> bytes:
    """Return feeds as OPML, in the Atom format, each with the subscriber's own label."""
    base = identity.public_url or ""
    entries = [
        E.outline(
            type="rss",  # what readers expect for a feed of any format
            text=clean_xml_text(label),
            title=clean_xml_text(label),
            xmlUrl=f"{base}/feeds/{feed.base_path}.atom.xml",
            htmlUrl=f"{base}{feed.page_path}",
        )
        for label, feed in feeds
    ]
    document = E.opml(
        E.head(E.title(clean_xml_text(identity.name))), E.body(*entries), version="2.0"
    )
    xml: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return xml
