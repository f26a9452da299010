"""Captures whose bodies unpack to more than a page has: named and passed over, the others read."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.archive import CaptureFile, read_capture, read_captures
from crawler.archive.captures import parse_record
from crawler.plan import MAX_PAGE_BYTES
from crawler.storage import LocalFolder
from tests.support.service import ServiceFolder

URL = "http://replica.example/questions/"
PAGE = b"<html><body><p>A page.</p></body></html>"
#: As long as the one that was found, which took 608 MB to read.
BOMB_SIZE = 300_000_000


def pack_raw(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": pack_raw,
    "br": brotli.compress,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
    "br, gzip": lambda body: gzip.compress(brotli.compress(body)),
    "": bytes,
}


def write_captures(path: Path, *pages: tuple[str, bytes]) -> None:
    """Write a file of the archive with pages as they came: their encoding and their body."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        for number, (encoding, body) in enumerate(pages):
            headers = [("Content-Type", "text/html"), ("Content-Encoding", encoding)]
            record = writer.create_warc_record(
                f"{URL}{number}",
                "response",
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=StatusAndHeaders("200 OK", headers, "HTTP/1.1"),
            )
            writer.write_record(record)


def pack_zeros(encoding: str) -> bytes:
    """Return 300 MB of zeros in an encoding, as some hundred bytes or kilobytes."""
    if encoding == "br":
        brotli_packer = brotli.Compressor(quality=1)
        parts = [brotli_packer.process(bytes(1_000_000)) for _ in range(BOMB_SIZE // 1_000_000)]
        return b"".join(parts) + bytes(brotli_packer.finish())
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
    parts = [packer.compress(bytes(1_000_000)) for _ in range(BOMB_SIZE // 1_000_000)]
    return b"".join(parts) + packer.flush()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", PACKERS)
def test_a_page_is_unpacked_and_a_longer_one_is_not(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a-20260716T120000-7.warc.gz"
    longest, longer = bytes(MAX_PAGE_BYTES), bytes(MAX_PAGE_BYTES + 1)
    pages = [(encoding, PACKERS[encoding](body)) for body in (PAGE, longer, longest)]
    write_captures(path, *pages)
    assert [
        capture.body for capture in read_captures(CaptureFile(LocalFolder(tmp_path), path.name))
    ] == [PAGE, None, longest]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a_packed_flood_takes_no_memory(
    tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a-20260716T120000-7.warc.gz"
    packed = pack_zeros(encoding)
    write_captures(path, (encoding, packed), ("", PAGE))
    tracemalloc.start()
    try:
        bodies = [
            capture.body for capture in read_captures(CaptureFile(LocalFolder(tmp_path), path.name))
        ]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bodies == [None, PAGE]
    assert peak < 40_000_000
    assert f"a capture is not read: url={URL}0 " in caplog.text
    location = f"{path.name}:0"
    capture = read_capture(LocalFolder(tmp_path), location)
    assert capture is not None
    assert capture.body is None


@pytest.mark.process
def test_the_command_names_it_and_reads_the_others(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, '[sources.london]\nurl = "http://replica.example"\n')
    path = tmp_path / "london-20260716T120000-7.warc.gz"
    write_captures(path, ("gzip", pack_zeros("gzip")), ("", PAGE))
    done = service.run("reparse", str(path), expect=1)
    assert "1 too long" in done.stdout
    assert "1 other pages" in done.stdout
    assert f"a capture is not read: url={URL}0 " in done.stderr


@pytest.mark.slow
@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=300), st.integers(0, 300))
def test_no_broken_body_raises(encoding: str, body: bytes, cut: int) -> None:
    packed = PACKERS[encoding](body)
    for broken in (body, packed[:cut], packed[:cut] + body, b"\x1f\x8b" + body):
        file = io.BytesIO()
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        headers = StatusAndHeaders("200 OK", [("Content-Encoding", encoding)], "HTTP/1.1")
        writer.write_record(
            writer.create_warc_record(
                URL,
                "response",
                payload=io.BytesIO(broken),
                length=len(broken),
                http_headers=headers,
            )
        )
        file.seek(0)
        [record] = ArchiveIterator(file)
        assert parse_record(record).body is not None
