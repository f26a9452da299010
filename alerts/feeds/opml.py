"""A list of feeds that feed readers import (OPML 2.0, http://opml.org/spec2.opml). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from lxml.builder import E

from alerts.feeds.model import FeedIdentity
from alerts.ledger.topics import Topic
from alerts.rendering import clean_xml_text, topic_path


def build_opml(topics_by_label: Mapping[str, Topic], identity: FeedIdentity) -> bytes:
    """Return the Atom feeds of topics as OPML, each with the subscriber's own label."""
    base = identity.public_url or ""
    entries = [
        E.outline(
            type="rss",  # what readers expect for a feed of any format
            text=clean_xml_text(label),
            title=clean_xml_text(label),
            xmlUrl=f"{base}/feeds/{topic.slug}.atom.xml",
            htmlUrl=f"{base}{topic_path(topic.slug)}",
        )
        for label, topic in topics_by_label.items()
    ]
    document = E.opml(
        E.head(E.title(clean_xml_text(identity.name))), E.body(*entries), version="2.0"
    )
    xml: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return xml
