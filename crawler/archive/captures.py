"""Reading and pruning the archive: one page at a time, or all pages of a file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

import msgspec
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from crawler.archive.body import OversizedBody, read_body
from crawler.event_log import get_logger
from crawler.storage import Folder

log = get_logger("watchword.archive")

_MEGABYTE = 1_000_000
_SUFFIX = ".warc.gz"


class Capture(msgspec.Struct, frozen=True):
    """One page as it came."""

    url: str
    fetched_at: datetime
    status: int
    content_type: str
    #: without its content encodings; None where it is longer than any page that a crawl reads
    body: bytes | None


class CaptureFile(NamedTuple):
    """A file of the archive."""

    folder: Folder
    name: str  #: it ends in time and process id: ``london-20260716T120000-7.warc.gz``
    size: int = 0  #: bytes, where it was listed
    modified_at: datetime = datetime.max.replace(tzinfo=UTC)  #: where it was listed

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open it for reading."""
        return self.folder.open(self.name)


def list_capture_files(folder: Folder) -> list[CaptureFile]:
    """Return the archive's files in ``folder``, oldest first."""
    found = [
        CaptureFile(folder, file.name, file.size, file.modified_at)
        for file in folder.list_files()
        if file.name.endswith(_SUFFIX)
    ]
    return sorted(found, key=lambda file: file.name.split("-")[-2:])


def read_capture(folder: Folder, location: str) -> Capture | None:
    """Return the page at a place in the archive, None if it is no longer there.

    Args:
        folder: The archive's folder.
        location: File name and byte offset: ``london-20260716T120000-7.warc.gz:512``.
    """
    name, _, offset = location.rpartition(":")
    if "/" in name or not name.endswith(_SUFFIX) or not offset.isdigit():
        return None
    try:
        with folder.open(name) as file:
            file.seek(int(offset))
            for record in ArchiveIterator(file):
                if record.rec_type == "response" and record.http_headers is not None:
                    return parse_record(record)
    except FileNotFoundError:
        return None
    except (ArchiveLoadFailed, EOFError, zlib.error) as error:
        log.warning(
            "a capture cannot be read", file=f"{folder}/{name}", offset=offset, reason=error
        )
    return None


def read_captures(captures: CaptureFile) -> Iterator[Capture]:
    """Yield the pages in a file, in the order in which they came.

    A record that was cut off, for example by a power failure, ends the file and is logged. The
    library returns half a body without an error, so each body is checked against its length and its
    digest.
    """
    with captures.open() as file:
        try:
            for record in ArchiveIterator(file, check_digests=True):
                if record.rec_type == "response" and record.http_headers is not None:
                    capture = parse_record(record)
                    is_cut_off = record.raw_stream.limit > 0 or record.digest_checker.problems
                    if capture.body is not None and is_cut_off:
                        log.warning("a file of captures is cut off", file=captures, url=capture.url)
                        return
                    yield capture
        except (ArchiveLoadFailed, EOFError, zlib.error) as error:
            log.warning("a file of captures is cut off", file=captures, reason=error)


def parse_record(record: Any) -> Capture:
    """Return the page in a record of the type ``response``."""
    url = record.rec_headers.get_header("WARC-Target-URI")
    try:
        body: bytes | None = read_body(record)
    except OversizedBody as error:
        log.warning("a capture is not read", url=url, reason=error)
        body = None
    return Capture(
        url,
        datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")),
        int(record.http_headers.get_statuscode()),
        record.http_headers.get_header("Content-Type") or "",
        body,
    )


def delete_oldest_captures(folder: Folder, gigabytes: float) -> list[CaptureFile]:
    """Delete the oldest files until the others have at most ``gigabytes``; return those deleted.

    The newest file is never deleted: a crawl may be writing it.
    """
    found = list_capture_files(folder)
    size = sum(file.size for file in found)
    gone: list[CaptureFile] = []
    for file in found[:-1]:
        if size <= gigabytes * 1000 * _MEGABYTE:
            break
        size -= file.size
        folder.delete(file.name)
        gone.append(file)
    return gone
