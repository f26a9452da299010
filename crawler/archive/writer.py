"""The writer of the archive: it keeps each fetched page as a WARC record (ISO 28500).

A better reader can then read the page again without a request. The writer is a downloader
middleware: it sees each response before it is decompressed and writes it to a file of this crawl.
Every record is a gzip member of its own, so a crawl that is killed loses at most the last record.
"""

from __future__ import annotations

import os
import string
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.event_log import get_logger
from crawler.fetching import get_spider

log = get_logger("watchword.archive")

#: A new file is started at this size, so that pruning removes the archive in steps of 200 MB.
MAX_FILE_MEGABYTES = 200
_MEGABYTE = 1_000_000
#: Printed as they are in a header: all printable characters of ASCII.
_HEADER_CHARACTERS = string.printable.removesuffix(string.whitespace) + " "
#: Headers that do not hold for a body that was put together from its chunks.
_TRANSFER_HEADERS = frozenset(("transfer-encoding", "content-length", "connection"))


class CaptureMiddleware:
    """The downloader middleware. It does nothing for a plan without an archive folder."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._writer: WARCWriter | None = None
        self._file: Any = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Return the middleware, as Scrapy makes its components."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        """Write the response to the archive and return it.

        Whatever goes wrong with that, a full disk or a header that the format cannot hold, costs
        the capture alone: it is counted and reported, and the page is read.
        """
        spider = get_spider(self._crawler)
        folder = spider.plan.archive_folder
        if folder and response.status != HTTPStatus.NOT_MODIFIED:
            try:
                request.meta["capture"] = self._write_capture(Path(folder), request, response)
            except Exception as error:  # the boundary of a capture
                reason = _describe_error(folder, error)
                is_defect = not isinstance(error, OSError)  # a full disk needs no traceback
                log.error(
                    "a capture is not written", url=request.url, reason=reason, exc_info=is_defect
                )
                spider.counts["captures_lost"] += 1
                spider.add_failure("archive", reason, request.url)
                self._abandon_file()
        return response

    def _write_capture(self, folder: Path, request: Request, response: Response) -> str:
        """Write one page; return its place: ``london-20260716T120000-7.warc.gz:512``."""
        writer = self._open_writer(folder)
        at = self._file.tell()
        page = writer.create_warc_record(
            response.url,
            "response",
            payload=BytesIO(response.body),
            length=len(response.body),  # else warcio counts it in an assertion, which -O removes
            http_headers=StatusAndHeaders(
                _format_status_line(response.status), _build_headers(response), "HTTP/1.1"
            ),
        )
        asked = writer.create_warc_record(
            request.url,
            "request",
            http_headers=StatusAndHeaders(
                f"{request.method} {request.url} HTTP/1.1",
                _decode_headers(request.headers),
                is_http_request=True,
            ),
        )
        writer.write_request_response_pair(asked, page)
        self._file.flush()
        return f"{Path(self._file.name).name}:{at}"

    def _abandon_file(self) -> None:
        """Leave the file in which a record may be cut off; the next capture starts another."""
        file, self._file, self._writer = self._file, None, None
        if file is not None:
            with suppress(OSError):  # the disk is still full: what is buffered is lost
                file.close()

    def _open_writer(self, folder: Path) -> WARCWriter:
        """Return the writer of the current file; start a new file if that one is full."""
        if self._file and self._file.tell() >= MAX_FILE_MEGABYTES * _MEGABYTE:
            self._file.close()
            self._writer = None
        if self._writer is None:
            folder.mkdir(parents=True, exist_ok=True)
            stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            name = f"{get_spider(self._crawler).name}-{stamp}-{os.getpid()}.warc.gz"
            self._file = (folder / name).open("wb")
            self._writer = WARCWriter(self._file, gzip=True, warc_version="1.1")
            about = {
                "software": self._crawler.settings["USER_AGENT"],
                "format": "WARC File Format 1.1",
                "robots": "obey" if self._crawler.settings["ROBOTSTXT_OBEY"] else "ignore",
            }
            self._writer.write_record(self._writer.create_warcinfo_record(name, about))
        return self._writer


def _describe_error(folder: str, error: Exception) -> str:
    """Return why a capture was not written: ``captures: No space left on device``."""
    if isinstance(error, OSError) and error.strerror:
        return f"{folder}: {error.strerror}"
    return f"{folder}: {type(error).__name__}: {error}"


def _format_status_line(status: int) -> str:
    known = status in HTTPStatus._value2member_map_
    return f"{status} {HTTPStatus(status).phrase if known else 'Unknown'}"


def _build_headers(response: Response) -> list[tuple[str, str]]:
    """Return the headers as they came, without those of the transfer."""
    kept = [
        pair
        for pair in _decode_headers(response.headers)
        if pair[0].lower() not in _TRANSFER_HEADERS
    ]
    return [*kept, ("Content-Length", str(len(response.body)))]


def _decode_headers(headers: Any) -> list[tuple[str, str]]:
    """Return headers as ASCII; the format holds no other bytes, so these are percent-encoded."""
    return [
        (quote(name, safe=_HEADER_CHARACTERS), quote(value, safe=_HEADER_CHARACTERS))
        for name, values in headers.items()
        for value in values
    ]
