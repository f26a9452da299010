"""A feed ready to be sent: plain and gzipped, with the entity tag of each."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import datetime

import msgspec
from starlette.types import Scope, Send

from alerts.feeds import MEDIA_TYPES
from alerts.web.http_cache import http_date, is_unchanged, strong_tag

#: Five minutes: feed readers poll a few times a day, shared caches more often.
_CACHE_CONTROL = "public, max-age=300"
#: The same for the reader that asked, and for nobody else.
_PRIVATE_CACHE_CONTROL = "private, max-age=300"
#: zlib's default level. Level 9 takes twice the time for 1 % less.
_GZIP_LEVEL = 6


class EncodedFeed(msgspec.Struct, frozen=True):
    """A feed in both content encodings, with its response headers."""

    body: bytes
    gzipped: bytes
    etag: str
    gzipped_etag: str
    modified_at: datetime
    headers: tuple[tuple[bytes, bytes], ...]  #: without ETag, Content-Length, Content-Encoding

    def select_encoding(self, *, is_gzipped: bool) -> tuple[bytes, str]:
        """Return the bytes and the entity tag of one content encoding."""
        return (self.gzipped, self.gzipped_etag) if is_gzipped else (self.body, self.etag)


def encode_feed(
    body: bytes,
    extension: str,
    modified_at: datetime,
    *,
    self_url: str | None,
    hub_url: str | None = None,
    is_private: bool = False,
) -> EncodedFeed:
    """Compress a feed and prepare its response headers.

    Args:
        body: the document.
        extension: a key of `alerts.feeds.model.MEDIA_TYPES`, such as ``atom.xml``.
        modified_at: sent as Last-Modified.
        self_url: the feed's address; None where there is no public address to name.
        hub_url: the WebSub hub to announce (WebSub 4); None for a feed that no hub is notified of.
        is_private: whether its address is a subscriber's own: no shared cache may keep it, and no
            script of another site may read it.
    """
    links = [f'<{self_url}>; rel="self"'] if self_url else []
    if self_url and hub_url:
        links.append(f'<{hub_url}>; rel="hub"')
    tag = strong_tag(body)
    headers = {
        "content-type": f"{MEDIA_TYPES[extension]}; charset=utf-8",
        "last-modified": http_date(modified_at),
        "cache-control": _PRIVATE_CACHE_CONTROL if is_private else _CACHE_CONTROL,
        "vary": "Accept-Encoding",
        **({} if is_private else {"access-control-allow-origin": "*"}),
        **({"link": ", ".join(links)} if links else {}),
    }
    return EncodedFeed(
        body,
        gzip.compress(body, _GZIP_LEVEL, mtime=0),
        tag,
        f'{tag[:-1]}-gzip"',
        modified_at,
        tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
    )


async def send_feed(feed: EncodedFeed, scope: Scope, send: Send) -> None:
    """Answer a GET or HEAD request with ``feed``: 200, or 304 where the client has this version."""
    request_headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
    }
    is_gzipped = _accepts_gzip(request_headers.get("accept-encoding", ""))
    body, tag = feed.select_encoding(is_gzipped=is_gzipped)
    headers = [*feed.headers, (b"etag", tag.encode())]
    if _is_known(feed, request_headers):
        status, body = 304, b""
    else:
        status = 200
        if is_gzipped:
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_known(feed: EncodedFeed, request_headers: Mapping[str, str]) -> bool:
    """Return whether the client has this version, in either content encoding."""
    return any(
        is_unchanged(request_headers, tag, feed.modified_at)
        for tag in (feed.etag, feed.gzipped_etag)
    )


def _accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip (RFC 9110 12.5.3)."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False
