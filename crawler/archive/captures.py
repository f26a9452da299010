"""What the archive holds, read again: one page at a time, or all of a file.

Apart from what writes it, so that commands which only read need not start Scrapy.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

log = logging.getLogger("watchword.archive")

_MEGABYTE = 1_000_000


class Capture(msgspec.Struct, frozen=True):
    """One page as it came."""

    url: str
    fetched_at: datetime
    status: int
    content_type: str
    body: bytes  #: unpacked


def list_capture_files(folder: Path) -> list[Path]:
    """The files of captures in a folder, oldest first."""
    return sorted(folder.glob("*.warc.gz"), key=lambda path: path.name.split("-")[-2:])


def read_capture(folder: Path, location: str) -> Capture | None:
    """The page that stands at a place in the archive; None where it is no longer there."""
    name, _, offset = location.rpartition(":")
    path = folder / Path(name).name
    if not path.is_file() or not offset.isdigit():
        return None
    with path.open("rb") as file:
        file.seek(int(offset))
        try:
            for record in ArchiveIterator(file):
                if record.rec_type == "response" and record.http_headers is not None:
                    return _parse_record(record)
        except (ArchiveLoadFailed, EOFError, zlib.error) as error:
            log.warning("%s cannot be read at %s: %s", path, offset, error)
    return None


def read_captures(path: Path) -> Iterator[Capture]:
    """The pages in a file, in the order in which they came.

    What was torn when the power went is the end of the file, with a line in the log: the library
    hands over half a body without a word, so each is held against its length and its digest.
    """
    with path.open("rb") as file:
        try:
            for record in ArchiveIterator(file, check_digests=True):
                if record.rec_type == "response" and record.http_headers is not None:
                    capture = _parse_record(record)
                    if record.raw_stream.limit > 0 or record.digest_checker.problems:
                        log.warning("%s ends in the middle of %s", path, capture.url)
                        return
                    yield capture
        except (ArchiveLoadFailed, EOFError, zlib.error) as error:
            log.warning("%s ends in the middle of a record: %s", path, error)


def _parse_record(record: Any) -> Capture:
    return Capture(
        record.rec_headers.get_header("WARC-Target-URI"),
        datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")),
        int(record.http_headers.get_statuscode()),
        record.http_headers.get_header("Content-Type") or "",
        record.content_stream().read(),
    )


def delete_oldest_captures(folder: Path, gigabytes: float) -> list[Path]:
    """Delete the oldest files of captures until the rest is within bounds; those that went."""
    found = list_capture_files(folder)
    size = sum(path.stat().st_size for path in found)
    gone: list[Path] = []
    for path in found[:-1]:
        if size <= gigabytes * 1000 * _MEGABYTE:
            break
        size -= path.stat().st_size
        path.unlink()
        gone.append(path)
    return gone
