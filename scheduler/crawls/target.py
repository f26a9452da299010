"""What the config says about how a source is crawled."""

from __future__ import annotations

from importlib.metadata import version

from crawler.plan import CrawlPlan
from scheduler.config.sections import Config, build_politeness


def build_crawl_target(config: Config, name: str) -> CrawlPlan:
    """Return a plan for the source ``name`` that lists and visits nothing yet."""
    source = config.sources[name]
    archive = config.archive
    return CrawlPlan(
        source=name,
        base_url=source.url.rstrip("/"),
        politeness=build_politeness(source, version("watchword")),
        archive_folder=str(archive.path.absolute()) if archive.enabled else None,
        max_seconds=source.max_minutes * 60,
    )
