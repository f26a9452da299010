"""How crawls are planned and judged, which changes alert, and whether they wait for a verdict."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, held_changes
from alerts.ledger.crawl_runs import CrawlPurpose
from alerts.model import Change, SilenceReason


class CrawlPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The adjustable rules, from the source's section of the config."""

    days_back: int = 60  #: meetings of so many past days are listed
    days_ahead: int = 30  #: meetings of so many coming days are listed
    max_revisits: int = 500  #: known questions that one crawl visits again
    guard_days: int = 30  #: an older question, seen for the first time, does not alert
    flood_from: int = 500  #: fewer changes in one crawl are never held as a flood
    alarm_after: int = 3  #: transient failures in a row that raise an alarm
    purpose: CrawlPurpose = "regular"


class RecordingRules(msgspec.Struct, frozen=True):
    """Which changes alert, and whether they wait until their crawl is judged."""

    baseline: bool = False  #: the first crawl of a source: nothing that it finds is new
    is_backfill: bool = False  #: a crawl of past months: nothing that it finds is new
    guard_days: int = 30  #: an older question, seen for the first time, does not alert
    as_new: bool = False  #: alert whatever the date, also in a first crawl
    hold: bool = False  #: hold the changes until the crawl is judged


def store_change(
    connection: Connection,
    change: Change,
    now: datetime,
    silence: SilenceReason | None,
    rules: RecordingRules,
    *,
    is_doubtful: bool = False,
) -> bool:
    """Hold or number a change, as ``rules`` say; return False if it is known already.

    A doubtful change that would alert waits for the operator.
    """
    if is_doubtful and silence is None:
        return held_changes.hold_change(connection, change, now, None, "reference")
    store = held_changes.hold_change if rules.hold else changes.append
    return store(connection, change, now, silence)
