"""Crawls: run the crawler as a child process and hand its lines to the recorder.

The package plans and starts crawls of configured sources, reads the past of a source month by
month, and reads the archive again with today's readers. What is recorded, and how a crawl is
judged, is decided in :mod:`alerts.recording`; nothing here knows of subscribers or messages.
"""

from scheduler.crawls.backfill import BackfillProgress, backfill_source
from scheduler.crawls.crawl import crawl_source
from scheduler.crawls.reparse import ReparseResult, reparse_archive
from scheduler.crawls.source_crawl import (
    find_crawl_pause,
    find_early_crawl,
    get_backoff_end,
    plan_next_crawl,
    run_crawl,
)

__all__ = [
    "BackfillProgress",
    "ReparseResult",
    "backfill_source",
    "crawl_source",
    "find_crawl_pause",
    "find_early_crawl",
    "get_backoff_end",
    "plan_next_crawl",
    "reparse_archive",
    "run_crawl",
]
