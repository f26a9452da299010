"""Figures: a drawing with everything that stands around it, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from alerts.charts import bars, lines
from alerts.charts.bars import draw_bars, draw_key, find_highest
from alerts.charts.canvas import Canvas
from alerts.charts.lines import NamedMonths, draw_line_sign, draw_lines
from alerts.charts.months import MonthCount
from alerts.language import format_month, format_number, gettext, ngettext

#: Fewer questions make no chart: most months have none, and one question more or less is noise.
FEWEST_QUESTIONS = 12


class ChartLinks(msgspec.Struct, frozen=True):
    """Where the files of a chart are."""

    path: str  #: without the ending: ``/charts/topics/VRU``
    parameters: Mapping[str, str] = {}  #: of the address: ``{"q": "VRU"}``
    compare: str | None = None  #: the page on which the topic is compared with another

    def get_address(self, ending: str) -> str:
        """Return the address of a file: ``/charts/search.png?q=VRU``."""
        query = f"?{urlencode(self.parameters)}" if self.parameters else ""
        return f"{self.path}.{ending}{query}"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Questions by month: of one topic as bars, or of two as lines."""

    id: str  #: what the identifiers of its parts begin with
    headline: str  #: the finding
    counted: str  #: what is counted, and by which date
    source: str  #: where the numbers come from
    links: ChartLinks
    description: str = ""  #: what a screen reader says of the drawing
    height: int = bars.HEIGHT
    key: tuple[tuple[Markup, str], ...] = ()  #: signs with their meanings
    head: tuple[str, ...] = ()  #: of the table
    rows: tuple[tuple[str, ...], ...] = ()  #: month and numbers, the latest first
    is_drawn: bool  #: whether there are enough questions for a drawing
    series: tuple[NamedMonths, ...]  #: one or two

    @property
    def is_comparison(self) -> bool:
        """Whether it compares two topics."""
        return len(self.series) > 1

    @property
    def drawing(self) -> Markup:
        """The elements inside the ``svg`` of a page."""
        return self.draw(Canvas())

    def draw(self, canvas: Canvas) -> Markup:
        """Return the elements of the drawing on a canvas as wide as it says."""
        if self.is_comparison:
            first, second = self.series
            return draw_lines(first, second, canvas)
        return draw_bars(self.series[0].months, canvas)


def build_monthly_chart(
    months: Sequence[MonthCount],
    *,
    subject: str,
    counted: str,
    source: str,
    links: ChartLinks,
    name: str = "by-month",
) -> Figure:
    """Return the figure of questions by month.

    Args:
        months: Oldest first; months that were not compared are left out.
        subject: What the questions are about, as it is named in a comparison.
        counted: What is counted, as a sentence without its full stop.
        source: Where the numbers come from, as a sentence without its full stop.
        links: Where the files are.
        name: What the identifiers in the page begin with; each figure needs its own.
    """
    shown = tuple(months)
    total = sum(one.total for one in shown)
    is_drawn = total >= FEWEST_QUESTIONS
    return Figure(
        id=name,
        headline=_write_headline(shown) if is_drawn else _write_too_few(shown, total),
        counted=counted,
        source=source,
        links=links,
        description=_describe_bars(shown) if is_drawn else "",
        key=draw_key(),
        head=(
            gettext("Month"),
            gettext("All questions"),
            gettext("Answered"),
            gettext("Not yet answered"),
        ),
        rows=tuple(_write_row(one) for one in reversed(shown)),
        is_drawn=is_drawn,
        series=(NamedMonths(subject, shown),),
    )


def build_comparison(first: Figure, second: Figure, links: ChartLinks) -> Figure:
    """Return the figure that compares the topics of two others.

    Months that are missing in one of them are left out in both.

    Args:
        first: Of one topic; its source is named.
        second: Of another topic.
        links: Where the files of the comparison are.
    """
    return _compare(*_align(first.series[0], second.series[0]), first.source, links)


def _align(first: NamedMonths, second: NamedMonths) -> tuple[NamedMonths, NamedMonths]:
    count = min(len(first.months), len(second.months))
    return (
        NamedMonths(first.name, first.months[len(first.months) - count :]),
        NamedMonths(second.name, second.months[len(second.months) - count :]),
    )


def _compare(first: NamedMonths, second: NamedMonths, source: str, links: ChartLinks) -> Figure:
    is_drawn = first.total + second.total >= FEWEST_QUESTIONS
    pairs = list(zip(first.months, second.months, strict=True))
    return Figure(
        id="compared",
        headline=gettext("%(topic)s compared with %(other)s")
        % {"topic": first.name, "other": second.name},
        counted=gettext("Questions a month, by the month in which they were asked"),
        source=source,
        links=links,
        description=_describe_lines(first, second) if is_drawn else "",
        height=lines.HEIGHT,
        key=((draw_line_sign("line"), first.name), (draw_line_sign("line b"), second.name)),
        head=(gettext("Month"), first.name, second.name),
        rows=tuple(
            (format_month(one.month), format_number(one.total), format_number(other.total))
            for one, other in reversed(pairs)
        ),
        is_drawn=is_drawn,
        series=(first, second),
    )


def _write_headline(months: Sequence[MonthCount]) -> str:
    highest = find_highest(months)
    sentence = ngettext(
        "Most in %(month)s: %(number)s question",
        "Most in %(month)s: %(number)s questions",
        highest.total,
    )
    return sentence % {
        "month": format_month(highest.month),
        "number": format_number(highest.total),
    }


def _write_too_few(months: Sequence[MonthCount], total: int) -> str:
    if not months or not total:
        return gettext("No questions in these months")
    sentence = ngettext(
        "%(number)s question since %(month)s",
        "%(number)s questions since %(month)s",
        total,
    )
    return sentence % {"number": format_number(total), "month": format_month(months[0].month)}


def _describe_bars(months: Sequence[MonthCount]) -> str:
    highest, latest = find_highest(months), months[-1]
    return gettext(
        "Bar chart of %(count)s months. Highest: %(highest)s in %(month)s. "
        "Latest: %(latest)s in %(latest_month)s."
    ) % {
        "count": len(months),
        "highest": format_number(highest.total),
        "month": format_month(highest.month),
        "latest": format_number(latest.total),
        "latest_month": format_month(latest.month),
    }


def _describe_lines(first: NamedMonths, second: NamedMonths) -> str:
    values: dict[str, object] = {"count": len(first.months)}
    for name, line in (("first", first), ("second", second)):
        values[name] = line.name
        values[f"{name}_latest"] = format_number(line.months[-1].total)
        values[f"{name}_most"] = format_number(find_highest(line.months).total)
    return (
        gettext(
            "Line chart of %(count)s months. %(first)s: %(first_latest)s in the last month, "
            "at most %(first_most)s. %(second)s: %(second_latest)s in the last month, "
            "at most %(second_most)s."
        )
        % values
    )


def _write_row(one: MonthCount) -> tuple[str, ...]:
    numbers = (one.total, one.answered, one.unanswered)
    return (format_month(one.month), *map(format_number, numbers))
