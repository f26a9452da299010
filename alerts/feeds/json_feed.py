"""A feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). Pure."""

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
    identity: FeedIdentity,
    feed_url: str | None,
    home_page_url: str,
) -> bytes:
    """Return a feed as JSON Feed. The same arguments give the same bytes.

    Args:
        title: The feed's title.
        items: Newest first.
        identity: Who publishes.
        feed_url: The feed's own address; None without public pages.
        home_page_url: The page with the same content.
    """
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": home_page_url,
        "language": "en-GB",
        "authors": [{"name": identity.name}],
        "items": [_describe_item(item) for item in items],
    }
    if feed_url:
        feed["feed_url"] = feed_url
        if identity.hub:
            feed["hubs"] = [{"type": "WebSub", "url": identity.hub}]
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
    if item.category:
        values["tags"] = [item.category]
    if item.attachments:
        values["attachments"] = [_describe_attachment(*file) for file in item.attachments]
    return values


def _describe_attachment(url: str, title: str) -> dict[str, str]:
    return {"url": url, "title": title, "mime_type": guess_media_type(url)}


def guess_media_type(url: str) -> str:
    """Return the media type of a file, by the extension in its address."""
    return mimetypes.guess_type(urlsplit(url).path)[0] or "application/octet-stream"
