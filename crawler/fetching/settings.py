"""Scrapy's settings for a crawl, with the reasons. Pure.

The facts about Scrapy 2.19 behind them are in ``docs/decisions/0003-crawling.md``.
"""

from __future__ import annotations

from typing import Any

from scrapy.settings.default_settings import DOWNLOADER_MIDDLEWARES_BASE

from crawler.plan import PolitenessSettings

#: A crawl with more memory than this ends with a report, and the next crawl goes on.
_MEMORY_LIMIT_MB = 280
#: All extensions that are loaded. Scrapy imports those of its own list also where a setting turns
#: them off, and with them libraries that take a third of the time in which a crawl starts.
_EXTENSIONS = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "crawler.fetching.memory_guard.MemoryGuard": 0,
}
#: Scrapy's middlewares without the one for cookies, for the same reason.
_MIDDLEWARES = {
    path: place
    for path, place in DOWNLOADER_MIDDLEWARES_BASE.items()
    if path != "scrapy.downloadermiddlewares.cookies.CookiesMiddleware"
}


def build_scrapy_settings(politeness: PolitenessSettings, max_seconds: float = 0) -> dict[str, Any]:
    """Return the settings for one crawl.

    Args:
        politeness: Limits towards the source.
        max_seconds: The crawl ends, with a report, after this time; 0 sets no limit.
    """
    return {
        "SPIDER_MODULES": ["crawler.spiders"],
        "USER_AGENT": politeness.user_agent,
        "ROBOTSTXT_OBEY": politeness.obey_robots,
        # One request at a time. The limit per domain does not hold without a delay; this one does.
        "CONCURRENT_REQUESTS": 1,
        "DOWNLOAD_DELAY": politeness.delay_seconds,
        "DOWNLOAD_DELAY_JITTER": 0,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "DOWNLOAD_TIMEOUT": politeness.timeout_seconds,
        "DOWNLOAD_MAXSIZE": politeness.max_page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        # Off by default.
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "REDIRECT_MAX_TIMES": 5,
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "CLOSESPIDER_TIMEOUT": max_seconds,
        "MEMUSAGE_ENABLED": True,
        "MEMUSAGE_LIMIT_MB": _MEMORY_LIMIT_MB,
        "MEMUSAGE_CHECK_INTERVAL_SECONDS": 5,
        "EXTENSIONS_BASE": _EXTENSIONS,
        # A source is reached by HTTP alone.
        "DOWNLOAD_HANDLERS": dict.fromkeys(("data", "file", "ftp", "s3")),
        "RETRY_TIMES": 2,
        # Neither is loaded. Both open a port, and the second one runs Python code for anybody who
        # has its token.
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        # The cache hides outages (it returns a stale page as 200) and never revalidates.
        "HTTPCACHE_ENABLED": False,
        "DOWNLOADER_MIDDLEWARES_BASE": _MIDDLEWARES,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
            # Sees a response last, when it is text.
            "crawler.fetching.middlewares.TextEncodingMiddleware": 40,
            "crawler.fetching.middlewares.SameOriginMiddleware": 50,
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "crawler.fetching.middlewares.RobotsMiddleware": 100,
            # Sees a response before Scrapy's retry middleware at 550.
            "crawler.fetching.middlewares.RetryAfterMiddleware": 560,
            # Before decompression at 590.
            "crawler.fetching.middlewares.TruncatedBodyMiddleware": 595,
            "crawler.archive.writer.CaptureMiddleware": 599,  # as it came
        },
        "ITEM_PIPELINES": {"crawler.fetching.crawl_process.StdoutPipeline": 100},
        # The report says what went wrong. Standard error is kept for crashes.
        "LOG_ENABLED": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
    }
