"""Feeds as an outline that feed readers take over (http://opml.org/spec2.opml). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from lxml.builder import E

from alerts.feeds.model import FeedIdentity
from alerts.ledger.topics import Topic
from alerts.rendering import clean_xml_text, topic_path


def build_opml(topics_by_label: Mapping[str, Topic], feed_identity: FeedIdentity) -> bytes:
    """The Atom feeds of topics, each under the words that its subscriber has for it."""
    base = feed_identity.public_url or ""
    entries = [
        E.outline(
            type="rss",  # as readers expect it, whatever the format
            text=clean_xml_text(words),
            title=clean_xml_text(words),
            xmlUrl=f"{base}/feeds/{topic.slug}.atom.xml",
            htmlUrl=f"{base}{topic_path(topic.slug)}",
        )
        for words, topic in topics_by_label.items()
    ]
    document = E.opml(
        E.head(E.title(clean_xml_text(feed_identity.name))), E.body(*entries), version="2.0"
    )
    made: bytes = etree.tostring(
        document, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    return made
