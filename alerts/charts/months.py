"""Questions by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

import msgspec

#: Months of a chart, the current one included: two years show what comes back each year, and a
#: bar is still 7 pixels wide on a phone.
MONTHS = 24


class MonthCount(msgspec.Struct, frozen=True):
    """The questions of one month, by whether they are answered."""

    month: date  #: its first day
    answered: int
    unanswered: int  #: with a holding reply or with none

    @property
    def total(self) -> int:
        """All questions of the month."""
        return self.answered + self.unanswered


def begin_of_charts(today: date) -> date:
    """Return the first day of the first month that a chart shows."""
    return _list_firsts(today)[0]


def count_months(
    by_day: Mapping[date, int],
    unanswered_by_day: Mapping[date, int],
    today: date,
    first_day: date | None = None,
) -> tuple[MonthCount, ...]:
    """Return the counts of the months of a chart, oldest first.

    Args:
        by_day: Number of questions by day.
        unanswered_by_day: How many of these are not answered yet.
        today: The day in whose month the chart ends.
        first_day: The first day that is counted; earlier months are left out. None: all are.
    """
    totals, unanswered = _sum_months(by_day), _sum_months(unanswered_by_day)
    begin = first_day.replace(day=1) if first_day else date.min
    return tuple(
        MonthCount(month, totals[month] - unanswered[month], unanswered[month])
        for month in _list_firsts(today)
        if month >= begin
    )


def _sum_months(by_day: Mapping[date, int]) -> Counter[date]:
    found: Counter[date] = Counter()
    for day, number in by_day.items():
        found[day.replace(day=1)] += number
    return found


def _list_firsts(today: date) -> list[date]:
    this = 12 * today.year + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(this - MONTHS + 1, this + 1)]
