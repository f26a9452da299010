"""What happens to the changes of a crawl once it is judged: they are numbered, or held.

The changes of a crawl that is believed are numbered at once, and alert. Those of a doubtful crawl,
and those that are far too many, wait until the operator approves or rejects them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import crawl_runs, held_changes
from alerts.model import ChangeKind

#: Two months hold two or three Mayor's Question Times, the events that bring most changes.
_USUAL_PERIOD = timedelta(days=60)
#: Three times the most of two months leaves room for one unusually large meeting.
_FLOOD_FACTOR = 3
#: For rare kinds (`ChangeKindInfo.is_rare`), a tenth of ``flood_from`` is a flood: 50 corrections
#: where 500 questions are normal.
_RARE_DIVISOR = 10


class CrawlChanges(msgspec.Struct, frozen=True):
    """What became of a crawl's changes."""

    alerting_counts: Mapping[str, int]  #: by kind: changes that were numbered and alert
    held_count: int = 0
    flood_reason: str | None = None  #: set when they are held because they are too many


def publish_or_hold(
    connection: Connection, source: str, now: datetime, *, is_doubtful: bool, flood_from: int
) -> CrawlChanges:
    """Number the changes of the last crawl of ``source``, or hold them for the operator.

    Args:
        connection: A connection that may write.
        source: The source's name: ``london``.
        now: Aware, in UTC.
        is_doubtful: Whether the crawl is judged to have misread its pages.
        flood_from: Fewer changes than this are never a flood: 500.
    """
    found = held_changes.count_by_kind(connection, source)
    if is_doubtful and found:
        return CrawlChanges({}, held_changes.hold_for_approval(connection, source, "drift"))
    most = crawl_runs.get_peak_counts(connection, source, now - _USUAL_PERIOD)
    if flood := explain_flood(found, most, flood_from):
        held = held_changes.hold_for_approval(connection, source, "flood")
        return CrawlChanges({}, held, flood)
    held_changes.promote(connection, source)
    return CrawlChanges(found)


def explain_flood(found: Mapping[str, int], most: Mapping[str, int], at_least: int) -> str | None:
    """Return why the changes of a crawl are a flood, None if they are not.

    Args:
        found: By kind: changes of this crawl that would alert.
        most: By kind: the most that one crawl brought in the last 60 days.
        at_least: Numbers up to this are never a flood; for rare kinds, a tenth of it.
    """
    for kind, number in sorted(found.items()):
        floor = at_least // _RARE_DIVISOR if ChangeKind(kind).info.is_rare else at_least
        usual = most.get(kind, 0)
        if number > max(floor, _FLOOD_FACTOR * usual):
            return (
                f"{number} questions {kind} in one crawl, where the most of late was {usual}: "
                "see `watchword approvals`, then `watchword approve`"
            )
    return None
