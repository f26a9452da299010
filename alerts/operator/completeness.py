"""How complete our copy of a source is: what is known of it, and which numbers are missing."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import alarms, crawl_runs, question_lookups, refused_pages
from alerts.questions import NumberGap, compute_usual_delay, find_gaps

#: The first crawl leaves gaps for which no number was ever due: they are shown, and no alarm.
_FIRST_CRAWL = timedelta(days=1)
#: A number that is missing for longer was most likely never given to a question.
_MAX_ALARM_AGE = timedelta(days=60)
#: What the status and the alarm look at: a number that is missing comes within weeks.
RECENT_PERIOD = timedelta(days=92)
#: Gaps that an alarm names; the others are counted.
_NAMED_GAPS = 5


class MonthOfQuestions(msgspec.Struct, frozen=True):
    """How complete one month of meetings is."""

    month: date  #: its first day
    known: int
    expected: int  #: known questions, and missing numbers
    unreadable: int  #: of those known, questions whose page is not read with certainty
    refused: int  #: pages that the server refused for the first time in this month


class Completeness(msgspec.Struct, frozen=True):
    """How complete our copy of a source is."""

    source: str
    months: tuple[MonthOfQuestions, ...]  #: newest first
    gaps: tuple[NumberGap, ...]  #: missing numbers
    usual_days: float  #: how long a number is usually missing, at most

    @property
    def known(self) -> int:
        """How many questions are known."""
        return sum(month.known for month in self.months)

    @property
    def expected(self) -> int:
        """How many there would be without a gap."""
        return sum(month.expected for month in self.months)

    def describe_gaps(self, limit: int = _NAMED_GAPS) -> str:
        """Return the missing numbers, newest first: ``2026/0003, 2026/0007 to 2026/0009``."""
        return describe_gaps(self.gaps, limit)


def describe_gaps(gaps: tuple[NumberGap, ...], limit: int = _NAMED_GAPS) -> str:
    """Return some missing numbers in words, newest first, at most ``limit`` of them."""
    named = sorted(gaps, key=lambda gap: (gap.day, gap.first), reverse=True)
    more = f" and {len(named) - limit} more" if len(named) > limit else ""
    return ", ".join(map(str, named[:limit])) + more


def measure_completeness(
    connection: Connection, source: str, since: date | None = None
) -> Completeness:
    """Return how complete the questions of a source are; of meetings from a day on, if given."""
    rows = question_lookups.list_seen(connection, source, since)
    seen = [row for row, _ in rows]
    gaps = tuple(find_gaps(seen))
    known = Counter(one.day.replace(day=1) for one in seen)
    unreadable = Counter(row.day.replace(day=1) for row, is_suspect in rows if is_suspect)
    missing: Counter[date] = Counter()
    for gap in gaps:
        missing[gap.day.replace(day=1)] += gap.size
    refused = refused_pages.count_by_month(connection, source, since)
    months = tuple(
        MonthOfQuestions(
            month, known[month], known[month] + missing[month], unreadable[month], refused[month]
        )
        for month in sorted({*known, *refused}, reverse=True)
    )
    usual = compute_usual_delay(seen) / timedelta(days=1)
    return Completeness(source, months, gaps, round(usual, 1))


def update_gap_alarm(connection: Connection, source: str, now: datetime) -> None:
    """Raise the alarm about numbers that are missing for longer than usual, or clear it.

    Args:
        connection: A connection that may write.
        source: The source.
        now: Aware, in UTC.
    """
    started_at = crawl_runs.get_first_start(connection, source)
    if started_at is None:
        return
    found = measure_completeness(connection, source, (now - RECENT_PERIOD).date())
    usual = timedelta(days=found.usual_days)
    late = tuple(
        gap
        for gap in found.gaps
        if gap.since > started_at + _FIRST_CRAWL and usual < now - gap.since < _MAX_ALARM_AGE
    )
    reason = f"missing for longer than {found.usual_days:g} days: {describe_gaps(late)}"
    alarms.update_open(connection, source, {"gaps": reason} if late else {}, ("gaps",), now)
