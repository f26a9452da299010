"""A feed as JSON (https://www.jsonfeed.org/version/1.1/), and what stands in a feed of any format.
Pure.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from alerts.feeds.model import FeedIdentity, FeedItem


def build_json_feed(
    title: str,
    items: Sequence[FeedItem],
    feed_identity: FeedIdentity,
    feed_url: str | None,
    home_page_url: str,
) -> bytes:
    """The feed; ``feed_url`` is where it is found. The same items give the same bytes."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": home_page_url,
        "language": "en-GB",
        "authors": [{"name": feed_identity.name}],
        "items": [_describe_item(item) for item in items],
    }
    if feed_url:
        feed["feed_url"] = feed_url
        if feed_identity.hub:
            feed["hubs"] = [{"type": "WebSub", "url": feed_identity.hub}]
    return msgspec.json.format(msgspec.json.encode(feed), indent=2)


def _describe_item(item: FeedItem) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "content_html": item.content_html,
        "date_published": item.updated_at,
        "date_modified": item.updated_at,
    }
    if item.url:
        values["url"] = item.url
    if item.author:
        values["authors"] = [{"name": item.author}]
    if item.attachments:
        values["attachments"] = [_describe_attachment(*file) for file in item.attachments]
    return values


def _describe_attachment(url: str, title: str) -> dict[str, str]:
    return {"url": url, "title": title, "mime_type": guess_media_type(url)}


def guess_media_type(url: str) -> str:
    """What a file is, by the ending of its name."""
    return mimetypes.guess_type(urlsplit(url).path)[0] or "application/octet-stream"
