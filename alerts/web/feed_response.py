"""A feed as it is sent: ready in both codings, with its entity tags."""

from __future__ import annotations

import gzip
from datetime import datetime

import msgspec
from starlette.types import Scope, Send

from alerts.feeds.xml import MEDIA_TYPES
from alerts.web.http_cache import http_date, is_unchanged, strong_tag

_CACHE_CONTROL = "public, max-age=300"


class EncodedFeed(msgspec.Struct, frozen=True):
    """A feed as it is sent."""

    body: bytes
    gzipped: bytes
    etag: str
    gzipped_etag: str
    modified_at: datetime
    headers: tuple[tuple[bytes, bytes], ...]  #: but for the tag and the length

    def select_encoding(self, *, is_gzipped: bool) -> tuple[bytes, str]:
        """The bytes and the tag of one coding."""
        return (self.gzipped, self.gzipped_etag) if is_gzipped else (self.body, self.etag)


def encode_feed(
    body: bytes,
    extension: str,
    modified_at: datetime,
    self_url: str | None,
    hub_url: str | None = None,
) -> EncodedFeed:
    links = [f'<{self_url}>; rel="self"'] if self_url else []
    if self_url and hub_url:
        links.append(f'<{hub_url}>; rel="hub"')
    tag = strong_tag(body)
    headers = {
        "content-type": f"{MEDIA_TYPES[extension]}; charset=utf-8",
        "last-modified": http_date(modified_at),
        "cache-control": _CACHE_CONTROL,
        "vary": "Accept-Encoding",
        "access-control-allow-origin": "*",
        **({"link": ", ".join(links)} if links else {}),
    }
    return EncodedFeed(
        body,
        gzip.compress(body, 6, mtime=0),
        tag,
        f'{tag[:-1]}-gzip"',
        modified_at,
        tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
    )


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether somebody who accepts such codings takes gzip (RFC 9110 12.5.3)."""
    for coding in accept_encoding.lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False


async def send_feed(feed: EncodedFeed, scope: Scope, send: Send) -> None:
    asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    packed = _accepts_gzip(asked.get("accept-encoding", ""))
    body, tag = feed.select_encoding(is_gzipped=packed)
    # Whichever coding the asker has, it is this version.
    unchanged = any(
        is_unchanged(asked, t, feed.modified_at) for t in (feed.etag, feed.gzipped_etag)
    )
    headers = [*feed.headers, (b"etag", tag.encode())]
    if unchanged:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
