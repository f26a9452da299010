"""Decoding the bodies of captures, whose servers may have packed gigabytes into some bytes.

A crawl refuses a page that unpacks to more than it reads, but keeps it as it came. Each decoder
here ends at the same size.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import brotli

from crawler.plan import MAX_PAGE_BYTES

#: Bytes that are taken from a record, or made by a decoder, at a time.
_PIECE = 65_536


class OversizedBody(ValueError):
    """A body is longer than any page that a crawl reads."""


def read_body(record: Any) -> bytes:
    """Return the body in a record of a response, without its content encodings.

    A body that is not encoded as its header says is returned as it is, and so is one in an encoding
    that we do not know.

    Raises:
        OversizedBody: It has more than :data:`crawler.plan.MAX_PAGE_BYTES` bytes, as it came or
            decoded.
    """
    encodings = (record.http_headers.get_header("Content-Encoding") or "").lower().split(",")
    record.http_headers.remove_header("Content-Encoding")  # which warcio decodes without a limit
    body = _read_limited(record.content_stream())
    for encoding in reversed(encodings):
        if decode := _DECODERS.get(encoding.strip()):
            try:
                body = decode(body)
            except (zlib.error, brotli.error):
                return body
    return body


def _read_limited(stream: Any) -> bytes:
    body = bytearray()
    while piece := stream.read(_PIECE):
        body += piece
        _check_size(body)
    return bytes(body)


def _check_size(body: bytes | bytearray) -> None:
    if len(body) > MAX_PAGE_BYTES:
        raise OversizedBody(f"it has more than {MAX_PAGE_BYTES} bytes")


def _decode_gzip(body: bytes) -> bytes:
    return _inflate(body, zlib.MAX_WBITS | 16)


def _decode_deflate(body: bytes) -> bytes:
    """Decode zlib's format, or the bare one that some servers send in its place."""
    try:
        return _inflate(body, zlib.MAX_WBITS)
    except zlib.error:
        return _inflate(body, -zlib.MAX_WBITS)


def _inflate(body: bytes, format_bits: int) -> bytes:
    decoded = zlib.decompressobj(format_bits).decompress(body, MAX_PAGE_BYTES + 1)
    _check_size(decoded)
    return decoded


def _decode_brotli(body: bytes) -> bytes:
    decoder, decoded = brotli.Decompressor(), bytearray()
    piece = decoder.process(body, output_buffer_limit=_PIECE)
    while piece:
        decoded += piece
        _check_size(decoded)
        piece = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=_PIECE)
    return bytes(decoded)


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _decode_gzip,
    "x-gzip": _decode_gzip,
    "deflate": _decode_deflate,
    "br": _decode_brotli,
}
