"""Erasing pages from the archive, in place.

A file of the archive is a row of gzip members, each of which the ledger knows by its offset. An
erased page is replaced by a record of the same length, so that all others stay where they are, and
a crawl that is writing the file goes on undisturbed.
"""

from __future__ import annotations

import gzip
import uuid
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from crawler.archive.captures import Capture, CaptureFile, list_capture_files, parse_record
from crawler.event_log import get_logger
from crawler.storage import Folder

log = get_logger("watchword.archive")

#: A gzip header with a comment, which fills up what the payload cannot (RFC 1952 2.3).
_GZIP_HEADER = b"\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff"
_RECORD = (
    "WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Record-ID: <urn:uuid:{name}>\r\n"
    "WARC-Date: {now:%Y-%m-%dT%H:%M:%SZ}\r\nContent-Type: text/plain\r\n"
    "Content-Length: {length}\r\n\r\n"
)
_END = b"\r\n\r\n"


class ErasedCaptures(msgspec.Struct, frozen=True):
    """What was done to the archive."""

    erased: int  #: pages that are no longer in it
    unreadable_files: tuple[str, ...]  #: files that could not be searched to their end


class _Place(NamedTuple):
    offset: int
    length: int


def erase_captures(
    folder: Folder,
    is_unwanted: Callable[[Capture], bool],
    now: datetime,
    since: datetime | None = None,
) -> ErasedCaptures:
    """Erase all pages of which ``is_unwanted`` is true from the archive in ``folder``.

    Args:
        folder: The archive's folder; it need not exist.
        is_unwanted: Told each page.
        now: Written into the records that replace them. Aware.
        since: Only files that were written since then; None for all.

    Raises:
        OSError: A file cannot be written.
    """
    erased, unreadable = 0, list[str]()
    for file in list_capture_files(folder):
        if since is not None and file.modified_at < since:
            continue
        places: list[_Place] = []
        try:
            places.extend(_find_places(file, is_unwanted))
        except (ArchiveLoadFailed, EOFError, zlib.error) as error:
            log.warning("a file of captures cannot be searched to its end", file=file, reason=error)
            unreadable.append(file.name)
        if places:
            blanks = ((place.offset, build_blank_member(place.length, now)) for place in places)
            folder.patch(file.name, blanks)
        erased += len(places)
    return ErasedCaptures(erased, tuple(unreadable))


def _find_places(captures: CaptureFile, is_unwanted: Callable[[Capture], bool]) -> Iterator[_Place]:
    with captures.open() as file:
        records = ArchiveIterator(file)
        for record in records:
            if record.rec_type != "response" or record.http_headers is None:
                continue
            if is_unwanted(parse_record(record)):
                # Both of these read what is left of the record: they are asked for last.
                yield _Place(records.get_record_offset(), records.get_record_length())


def build_blank_member(length: int, now: datetime) -> bytes:
    """Return a gzip member of exactly ``length`` bytes: a WARC record that says nothing.

    Raises:
        ValueError: No record is as short as that.
    """
    name, payload = uuid.uuid4(), length
    while payload >= 0:
        head = _RECORD.format(name=name, now=now.astimezone(UTC), length=payload).encode()
        content = head + b" " * payload + _END
        body = gzip.compress(content, 0, mtime=0)[10:]  # stored blocks, checksum, size
        missing = length - len(_GZIP_HEADER) - 1 - len(body)
        if missing >= 0:
            return _GZIP_HEADER + b" " * missing + b"\0" + body
        payload += missing
    raise ValueError(f"no record has {length} bytes")
