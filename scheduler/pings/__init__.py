"""Pings to a dead man's switch, which raises the alarm when they stop.

The protocol is that of healthchecks (https://healthchecks.io/docs/http_api/), which other services
speak too. Owns when what is pinged, and the log lines that go along. Must not know what a round or
a crawl does.
"""

from scheduler.pings.check import CrawlPings, RunPing
from scheduler.pings.recent_lines import RECENT_LINES
from scheduler.pings.round_pings import RoundPings

__all__ = ["RECENT_LINES", "CrawlPings", "RoundPings", "RunPing"]
