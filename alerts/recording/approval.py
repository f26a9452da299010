"""What happens to the changes of a crawl once it is judged: they are numbered, or held.

The changes of a crawl that is believed are numbered at once, and alert. Those of a doubtful crawl,
and those that are far too many, wait until the operator approves or rejects them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import crawl_runs, held_changes, questions
from alerts.model import ChangeKind
from alerts.recording.losses import is_bulk

#: Two months hold two or three Mayor's Question Times, the events that bring most changes.
_USUAL_PERIOD = timedelta(days=60)
#: Three times the most of two months leaves room for one unusually large meeting.
_FLOOD_FACTOR = 3


class CrawlChanges(msgspec.Struct, frozen=True):
    """What became of a crawl's changes."""

    alerting_counts: Mapping[str, int]  #: by kind: changes that were numbered and alert
    held_count: int = 0
    flood_reason: str | None = None  #: set when they are held because they are too many


class FloodLimits(msgspec.Struct, frozen=True):
    """What the changes of a crawl are compared with."""

    flood_from: int  #: fewer changes of a kind that is not rare are never a flood: 500
    visited: int = 0  #: pages of known questions that the crawl asked for
    baseline_day: date | None = None  #: of the first crawl, while no other one has borne it out


def publish_or_hold(
    connection: Connection, source: str, now: datetime, *, is_doubtful: bool, limits: FloodLimits
) -> CrawlChanges:
    """Number the changes of the last crawl of ``source``, or hold them for the operator.

    Args:
        connection: A connection that may write.
        source: The source's name: ``london``.
        now: Aware, in UTC.
        is_doubtful: Whether the crawl is judged to have misread its pages.
        limits: How many changes are a flood.
    """
    found = held_changes.count_by_kind(connection, source)
    if is_doubtful and found:
        return CrawlChanges({}, held_changes.hold_for_approval(connection, source, "drift"))
    most = crawl_runs.get_peak_counts(connection, source, now - _USUAL_PERIOD)
    flood = explain_flood(found, most, limits) or _explain_late_questions(
        connection, source, limits.baseline_day
    )
    if flood:
        held = held_changes.hold_for_approval(connection, source, "flood")
        return CrawlChanges({}, held, flood)
    held_changes.promote(connection, source)
    return CrawlChanges(found)


def _explain_late_questions(
    connection: Connection, source: str, baseline_day: date | None
) -> str | None:
    """Return why the new questions of the crawl after the first are a flood, None if they are not.

    Many questions of meetings before the first crawl that it did not find are not new: it missed
    them, and nobody has noticed yet.
    """
    if baseline_day is None:
        return None
    late = held_changes.count_asked_before(connection, source, baseline_day)
    known = sum(questions.count_by_status(connection, source).values())
    if not is_bulk(late, known - late):
        return None
    return (
        f"{late} new questions are of meetings before the first crawl, which had not found them: "
        "see `watchword approvals`"
    )


def explain_flood(
    found: Mapping[str, int], most: Mapping[str, int], limits: FloodLimits
) -> str | None:
    """Return why the changes of a crawl are a flood, None if they are not.

    Args:
        found: By kind: changes of this crawl that would alert.
        most: By kind: the most that one crawl brought in the last 60 days.
        limits: How many changes are a flood.
    """
    for kind, number in sorted(found.items()):
        usual = most.get(kind, 0)
        if ChangeKind(kind).info.is_rare:
            if is_bulk(number, limits.visited):
                return (
                    f"{number} questions {kind} in one crawl that visited {limits.visited}: "
                    "see `watchword approvals`, then `watchword approve`"
                )
        elif number > max(limits.flood_from, _FLOOD_FACTOR * usual):
            return (
                f"{number} questions {kind} in one crawl, where the most of late was {usual}: "
                "see `watchword approvals`, then `watchword approve`"
            )
    return None
