"""The step from a judged crawl to numbered changes.

What a crawl found is held until its end. A crawl that is believed has its changes numbered at
once; a doubtful one leaves them to the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import crawl_runs, held_changes
from alerts.model import ChangeKind

#: How far back "usual" looks.
_USUAL_PERIOD = timedelta(days=60)


class CrawlChanges(msgspec.Struct, frozen=True):
    """What became of a crawl's changes."""

    alerting_counts: Mapping[str, int]  #: by kind: those that alert, when they were released
    held_count: int = 0
    flood_reason: str | None = None  #: why they are held, when there are too many


def publish_or_hold(
    connection: Connection, source: str, now: datetime, *, is_doubtful: bool, flood_from: int
) -> CrawlChanges:
    """Number what is held of the last crawl of ``source``, or leave it to the operator.

    ``is_doubtful``: the crawl is judged to have misread its pages. ``flood_from``: fewer changes
    than
    this are never a flood.
    """
    found = held_changes.count_by_kind(connection, source)
    if is_doubtful and found:
        return CrawlChanges({}, held_changes.hold_for_approval(connection, source, "drift"))
    too_many = explain_flood(
        found, crawl_runs.get_peak_counts(connection, source, now - _USUAL_PERIOD), flood_from
    )
    if too_many:
        return CrawlChanges(
            {}, held_changes.hold_for_approval(connection, source, "flood"), too_many
        )
    held_changes.promote(connection, source)
    return CrawlChanges(found)


#: So many times the most that one crawl brought lately.
_FLOOD_FACTOR = 3


#: For kinds that come one by one: a meeting brings hundreds of questions, never of corrections.
_RARE_DIVISOR = 10


def explain_flood(found: Mapping[str, int], most: Mapping[str, int], at_least: int) -> str | None:
    """Why ``found`` (kind → changes that would alert) is a flood; None when it is none.

    ``most`` are the most of each kind that one crawl brought lately, ``at_least`` is the number
    that is never a flood; a tenth of it for corrections and withdrawals.
    """
    for kind, number in sorted(found.items()):
        floor = at_least // _RARE_DIVISOR if ChangeKind(kind).info.is_rare else at_least
        usual = most.get(kind, 0)
        if number > max(floor, _FLOOD_FACTOR * usual):
            return (
                f"{number} questions {kind} in one crawl, where {usual} were the most lately: "
                "see `watchword approvals`, then `watchword approve`"
            )
    return None
