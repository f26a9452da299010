"""A feed as JSON (https://www.jsonfeed.org/version/1.1/), and what stands in a feed of any format.
Pure.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec


class Imprint(msgspec.Struct, frozen=True):
    """What is the same in every feed."""

    name: str  #: ``Watchword``
    tag_authority: str  #: ``example.org,2026``; chosen once, since every id is made from it
    home_url: str  #: where a feed's title leads when there are no public pages
    public_url: str | None = None
    hub: str | None = None  #: a WebSub hub, which is told when a feed has changed
    attributions: dict[str, str] = {}  #: by source, what is to be said beside its words


class Item(msgspec.Struct, frozen=True):
    """One change as every format tells it, free of what XML cannot hold."""

    id: str
    title: str
    url: str | None
    moment: datetime
    summary: str
    html: str
    author: str | None
    files: tuple[tuple[str, str], ...]  #: addresses and titles of what is attached
    thread: str | None = None  #: what a question's entries and its supplementaries' share


def json_feed(
    title: str, items: Sequence[Item], imprint: Imprint, own: str | None, page: str
) -> bytes:
    """The feed; ``own`` is where it is found. The same items give the same bytes."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": page,
        "language": "en-GB",
        "authors": [{"name": imprint.name}],
        "items": [_item(item) for item in items],
    }
    if own:
        feed["feed_url"] = own
        if imprint.hub:
            feed["hubs"] = [{"type": "WebSub", "url": imprint.hub}]
    return msgspec.json.format(msgspec.json.encode(feed), indent=2)


def _item(item: Item) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "content_html": item.html,
        "date_published": item.moment,
        "date_modified": item.moment,
    }
    if item.url:
        values["url"] = item.url
    if item.author:
        values["authors"] = [{"name": item.author}]
    if item.files:
        values["attachments"] = [_attachment(*file) for file in item.files]
    return values


def _attachment(url: str, title: str) -> dict[str, str]:
    return {"url": url, "title": title, "mime_type": media_type(url)}


def media_type(url: str) -> str:
    """What a file is, by the ending of its name."""
    return mimetypes.guess_type(urlsplit(url).path)[0] or "application/octet-stream"
