"""A feed as it is sent: ready in both codings, with its entity tags."""

from __future__ import annotations

import gzip
from datetime import datetime

import msgspec
from starlette.types import Scope, Send

from alerts.feeds.xml import FORMATS
from alerts.web.http_cache import http_date, is_unchanged, strong_tag

_CACHE = "public, max-age=300"


class Copy(msgspec.Struct, frozen=True):
    """A feed as it is sent."""

    body: bytes
    packed: bytes
    tag: str
    packed_tag: str
    modified: datetime
    headers: tuple[tuple[bytes, bytes], ...]  #: but for the tag and the length

    def coded(self, *, packed: bool) -> tuple[bytes, str]:
        """The bytes and the tag of one coding."""
        return (self.packed, self.packed_tag) if packed else (self.body, self.tag)


def copy_of(
    body: bytes,
    ending: str,
    modified: datetime,
    own: str | None,
    hub: str | None = None,
) -> Copy:
    links = [f'<{own}>; rel="self"'] if own else []
    if own and hub:
        links.append(f'<{hub}>; rel="hub"')
    tag = strong_tag(body)
    headers = {
        "content-type": f"{FORMATS[ending]}; charset=utf-8",
        "last-modified": http_date(modified),
        "cache-control": _CACHE,
        "vary": "Accept-Encoding",
        "access-control-allow-origin": "*",
        **({"link": ", ".join(links)} if links else {}),
    }
    return Copy(
        body,
        gzip.compress(body, 6, mtime=0),
        tag,
        f'{tag[:-1]}-gzip"',
        modified,
        tuple((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
    )


def _takes_gzip(accepted: str) -> bool:
    """Whether somebody who accepts such codings takes gzip (RFC 9110 12.5.3)."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False


async def sent(copy: Copy, scope: Scope, send: Send) -> None:
    asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    packed = _takes_gzip(asked.get("accept-encoding", ""))
    body, tag = copy.coded(packed=packed)
    # Whichever coding the asker has, it is this version.
    unchanged = any(is_unchanged(asked, t, copy.modified) for t in (copy.tag, copy.packed_tag))
    headers = [*copy.headers, (b"etag", tag.encode())]
    if unchanged:
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
