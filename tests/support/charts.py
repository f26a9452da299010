"""Charts of invented counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from alerts.charts import ChartLinks, MonthCount, MonthlyChart, build_monthly_chart, count_months

TODAY = date(2026, 7, 16)
MONTHS = [one.month for one in count_months({}, {}, TODAY)]


def make_months(pairs: Sequence[tuple[int, int]]) -> tuple[MonthCount, ...]:
    """24 months with the given numbers of answered and other questions."""
    return tuple(
        MonthCount(month, answered, unanswered)
        for month, (answered, unanswered) in zip(MONTHS, pairs, strict=True)
    )


def make_chart(pairs: Sequence[tuple[int, int]], topic: str = "VRU") -> MonthlyChart:
    """The chart of 24 months."""
    return build_monthly_chart(
        make_months(pairs),
        counted=f"Questions a month on {topic}",
        source="www.example.org",
        service="Watchword",
        links=ChartLinks("/charts/search", {"q": topic}, "/compare?q=VRU"),
    )
