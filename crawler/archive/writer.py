"""Each fetched page kept as WARC (ISO 28500): a better reader needs no second request.

A downloader middleware sees what came over the line before anything unpacks it and writes it to a
file of the crawl's own. Every record is a gzip member by itself, so a crawl that is killed while
it writes loses that one record and none before it.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

log = logging.getLogger("watchword.archive")

#: A file that has grown to this is followed by another one.
MAX_FILE_MEGABYTES = 200
_MEGABYTE = 1_000_000
#: What is no longer true of a body that was put together from its chunks.
_TRANSFER_HEADERS = frozenset(("transfer-encoding", "content-length", "connection"))


class CaptureMiddleware:
    """The middleware. It is below whatever unpacks a body, and does nothing without a folder."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._writer: WARCWriter | None = None
        self._file: Any = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """As Scrapy makes its middlewares."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        """Keep a page as it came. A disk that is full costs the capture, not the crawl."""
        spider = self._crawler.spider
        folder = spider.plan.archive_folder  # type: ignore[union-attr]
        if folder and response.status != HTTPStatus.NOT_MODIFIED:
            try:
                request.meta["capture"] = self._write_capture(Path(folder), request, response)
            except OSError as error:
                spider.add_failure("archive", f"{folder}: {error.strerror}")  # type: ignore[union-attr]
        return response

    def _write_capture(self, folder: Path, request: Request, response: Response) -> str:
        """Write a page, and give where it stands: ``london-....warc.gz:512``."""
        writer = self._open_writer(folder)
        at = self._file.tell()
        page = writer.create_warc_record(
            response.url,
            "response",
            payload=BytesIO(response.body),
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

    def _open_writer(self, folder: Path) -> WARCWriter:
        """The writer of the file at hand; a new one at the start and when that is full."""
        if self._file and self._file.tell() >= MAX_FILE_MEGABYTES * _MEGABYTE:
            self._file.close()
            self._writer = None
        if self._writer is None:
            folder.mkdir(parents=True, exist_ok=True)
            spider = self._crawler.spider
            stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            name = f"{spider.name}-{stamp}-{os.getpid()}.warc.gz"  # type: ignore[union-attr]
            self._file = (folder / name).open("wb")
            self._writer = WARCWriter(self._file, gzip=True, warc_version="1.1")
            said = {
                "software": self._crawler.settings["USER_AGENT"],
                "format": "WARC File Format 1.1",
                "robots": "obey" if self._crawler.settings["ROBOTSTXT_OBEY"] else "ignore",
            }
            self._writer.write_record(self._writer.create_warcinfo_record(name, said))
        return self._writer


def _format_status_line(status: int) -> str:
    known = status in HTTPStatus._value2member_map_
    return f"{status} {HTTPStatus(status).phrase if known else 'Unknown'}"


def _build_headers(response: Response) -> list[tuple[str, str]]:
    """The headers as they came, but for those of a transfer that is over."""
    kept = [
        pair
        for pair in _decode_headers(response.headers)
        if pair[0].lower() not in _TRANSFER_HEADERS
    ]
    return [*kept, ("Content-Length", str(len(response.body)))]


def _decode_headers(headers: Any) -> list[tuple[str, str]]:
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in headers.items()
        for value in values
    ]
