"""How the crawls of a source are planned, recorded and judged."""

from __future__ import annotations

import msgspec

from alerts.ledger.crawl_runs import CrawlPurpose


class CrawlPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The adjustable rules, from the source's section of the config."""

    days_back: int = 60  #: meetings of so many past days are listed
    days_ahead: int = 30  #: meetings of so many coming days are listed
    max_revisits: int = 500  #: known questions that one crawl visits again
    guard_days: int = 30  #: an older question, seen for the first time, does not alert
    flood_from: int = 500  #: fewer changes in one crawl are never held as a flood
    alarm_after: int = 3  #: transient failures in a row that raise an alarm
    purpose: CrawlPurpose = "regular"
