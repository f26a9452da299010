"""The archive: every fetched page, kept as it came in WARC files (ISO 28500).

This face reads and prunes the archive without Scrapy, so that commands which only read start
quickly. The writer (:mod:`crawler.archive.writer`) is a downloader middleware that Scrapy loads by
its name. The archive knows neither page objects nor the ledger, which stores a capture's place.
"""

from crawler.archive.captures import (
    Capture,
    CaptureFile,
    delete_oldest_captures,
    list_capture_files,
    read_capture,
    read_captures,
)
from crawler.archive.erasure import ErasedCaptures, erase_captures

__all__ = [
    "Capture",
    "CaptureFile",
    "ErasedCaptures",
    "delete_oldest_captures",
    "erase_captures",
    "list_capture_files",
    "read_capture",
    "read_captures",
]
