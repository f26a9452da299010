"""What a cluster does at times, once for each moment, whichever scheduler fires first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.config import Config
from scheduler.crawls import find_early_crawl, run_crawl
from scheduler.jobs import run_expiry, run_upkeep
from scheduler.service import Service

#: The key of what is not divided.
_WHOLE = "all"


@dataclass(frozen=True)
class PeriodicTask:
    """Work that becomes due by the clock."""

    name: str
    queue: str
    priority: int
    #: Returns the seconds between two runs, by the key of the piece.
    list_periods: Callable[[Config], Mapping[str, float]]
    run: Callable[[Service, str], object]
    #: Returns when a piece is done before its next moment, if it is.
    find_early: Callable[[Service, str], datetime | None] = lambda _service, _key: None


def _list_crawls(config: Config) -> Mapping[str, float]:
    return {
        name: source.period.total_seconds()
        for name, source in config.sources.items()
        if source.enabled
    }


#: Every periodic task by its name.
PERIODIC: dict[str, PeriodicTask] = {
    task.name: task
    for task in (
        # It mostly waits for the source: it must get its place before the quick tasks.
        PeriodicTask("crawl", "crawl", 30, _list_crawls, run_crawl, find_early_crawl),
        # Before all but confirmations: it tells the operator what is wrong.
        PeriodicTask("upkeep", "upkeep", 40, lambda _: {_WHOLE: 60}, lambda s, _: run_upkeep(s)),
        PeriodicTask("expiry", "upkeep", -20, lambda _: {_WHOLE: 3600}, lambda s, _: run_expiry(s)),
    )
}
