"""Scrapy's settings for a crawl, each with its reason. Pure.

Facts on Scrapy 2.19 that these rest on are in ``docs/decisions/0003-crawling.md``.
"""

from __future__ import annotations

from typing import Any

from crawler.plan import PolitenessSettings

#: A crawl that needs more memory than this ends in good order, and the next one goes on.
_MEMORY_LIMIT_MB = 280


def build_scrapy_settings(politeness: PolitenessSettings, max_seconds: float = 0) -> dict[str, Any]:
    """Settings for one crawl with the given manners."""
    return {
        "SPIDER_MODULES": ["crawler.spiders"],
        "USER_AGENT": politeness.user_agent,
        "ROBOTSTXT_OBEY": politeness.obey_robots,
        # One request at a time: the limit per domain is not held without a delay, this one is.
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_DELAY": politeness.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": 0,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "DOWNLOAD_TIMEOUT": politeness.timeout_seconds,
        "DOWNLOAD_MAXSIZE": politeness.max_page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        # Off by default, and a question page is not worth a forged certificate.
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "CLOSESPIDER_TIMEOUT": max_seconds,
        "MEMUSAGE_ENABLED": True,
        "MEMUSAGE_LIMIT_MB": _MEMORY_LIMIT_MB,
        "MEMUSAGE_CHECK_INTERVAL_SECONDS": 5,
        "EXTENSIONS": {
            "scrapy.extensions.memusage.MemoryUsage": None,
            "crawler.fetching.memory_guard.MemoryGuard": 0,
        },
        "RETRY_TIMES": 2,
        # Both open a port, and the second one runs Python for whoever has its token.
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        # Hides outages (a stale page comes as a fresh 200) and never revalidates Drupal's pages.
        "HTTPCACHE_ENABLED": False,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            "crawler.fetching.middlewares.SameOriginMiddleware": 50,
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "crawler.fetching.middlewares.RobotsMiddleware": 100,
            # hears of an answer before the retry at 550
            "crawler.fetching.middlewares.RetryAfterMiddleware": 560,
            # and this before decompression at 590
            "crawler.fetching.middlewares.TruncatedBodyMiddleware": 595,
            "crawler.archive.writer.CaptureMiddleware": 599,  # before anything has touched it
        },
        "ITEM_PIPELINES": {"crawler.fetching.crawl_process.StdoutPipeline": 100},
        # The report says what went wrong; a second account of it on stderr helps nobody.
        "LOG_ENABLED": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
    }
