"""Charts of invented counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from alerts.charts import (
    ChartLinks,
    Figure,
    MonthCount,
    build_comparison,
    build_monthly_chart,
    count_months,
)

TODAY = date(2026, 7, 16)
MONTHS = [one.month for one in count_months({}, {}, TODAY)]


def make_months(pairs: Sequence[tuple[int, int]]) -> tuple[MonthCount, ...]:
    """24 months with the given numbers of answered and other questions."""
    return tuple(
        MonthCount(month, answered, unanswered)
        for month, (answered, unanswered) in zip(MONTHS, pairs, strict=True)
    )


def make_chart(pairs: Sequence[tuple[int, int]], topic: str = "VRU") -> Figure:
    """The chart of 24 months."""
    return build_monthly_chart(
        make_months(pairs),
        subject=topic,
        counted=f"Questions a month on {topic}",
        source="Source: www.example.org, read by Watchword",
        links=ChartLinks("/charts/search", {"q": topic}, "/compare?q=VRU"),
    )


def make_comparison(
    first: Sequence[tuple[int, int]],
    second: Sequence[tuple[int, int]],
    names: tuple[str, str] = ("VRU", "knife crime"),
) -> Figure:
    """The chart that compares two topics over 24 months."""
    links = ChartLinks("/charts/search", {"q": names[0], "vs": names[1]})
    return build_comparison(make_chart(first, names[0]), make_chart(second, names[1]), links)
