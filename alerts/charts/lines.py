"""Lines: two topics by month, the first solid, the other dashed, each named at its end."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from alerts.charts.axes import LEFT, Frame, draw_grid, draw_year
from alerts.charts.canvas import Canvas, element, format_length, join
from alerts.charts.months import MONTHS, MonthCount
from alerts.charts.scale import choose_scale
from alerts.charts.text_width import cut, measure
from alerts.language import format_number, format_short_month

HEIGHT = 240
_BASE = 200.0
#: Per cent of the width at which the lines end, and at which their names begin.
_RIGHT, _NAMES = 78.0, 79.2
_STEP = (_RIGHT - LEFT) / (MONTHS - 1)
#: Pixels of the narrowest chart that shows the names: that of a window of 641.
_NARROWEST = 600.0
_LETTER_SIZE = 13
#: Pixels between the names of two lines that end close to each other.
_LINE_HEIGHT = 17.0


class NamedMonths(msgspec.Struct, frozen=True):
    """One line: what it counts, and the counts."""

    name: str
    months: tuple[MonthCount, ...]

    @property
    def total(self) -> int:
        """All questions of the months."""
        return sum(one.total for one in self.months)


def draw_lines(first: NamedMonths, second: NamedMonths, canvas: Canvas) -> Markup:
    """Return the elements of a chart that compares two topics, :data:`HEIGHT` pixels high."""
    highest = max(one.total for line in (first, second) for one in line.months)
    frame = Frame(HEIGHT, _BASE, scale=choose_scale(highest))
    longer = max(first.months, second.months, key=len)
    return join(
        draw_grid(canvas, frame),
        *_draw_months(canvas, longer),
        _draw_both(canvas, frame, (("line b", second), ("line", first))),
        *_draw_names(canvas, frame, first, second),
    )


def _find_x(place: int) -> float:
    return LEFT + place * _STEP


def _draw_months(canvas: Canvas, months: Sequence[MonthCount]) -> list[Markup]:
    """Return the names of every January and July, and the years."""
    parts = []
    for place, one in enumerate(months, MONTHS - len(months)):
        if one.month.month in {1, 7}:
            parts.append(element("text", format_short_month(one.month),
                                 x=canvas.x(_find_x(place)), y="216", text_anchor="middle",
                                 **canvas.paint("text")))  # fmt: skip
        if one.month.month == 1:
            parts.append(draw_year(canvas, one.month, _find_x(place), 234, text_anchor="middle"))
    return parts


def _draw_both(canvas: Canvas, frame: Frame, lines: Sequence[tuple[str, NamedMonths]]) -> Markup:
    if not canvas.is_page:
        return join(*(_draw_line(canvas, frame, role, line) for role, line in lines))
    # Points have no percentages, so the lines stretch with a drawing of their own.
    height = format_length(frame.base - frame.top)
    within = Frame(HEIGHT, frame.base - frame.top, 0.0, frame.scale)
    return element(
        "svg", *(_draw_line(canvas, within, role, line) for role, line in lines),
        x="0", y=format_length(frame.top), width="100%", height=height,
        viewBox=f"0 0 100 {height}", preserveAspectRatio="none",
    )  # fmt: skip


def _draw_line(canvas: Canvas, frame: Frame, role: str, line: NamedMonths) -> Markup:
    first = MONTHS - len(line.months)
    points = " ".join(
        f"{_to_point(canvas, _find_x(place))},{format_length(frame.y(one.total))}"
        for place, one in enumerate(line.months, first)
    )
    return element("polyline", points=points, **canvas.paint(role))


def _to_point(canvas: Canvas, percent: float) -> str:
    return canvas.x(percent).removesuffix("%")


def _draw_names(
    canvas: Canvas, frame: Frame, first: NamedMonths, second: NamedMonths
) -> list[Markup]:
    """Return the names with the latest numbers; on a phone, the numbers alone."""
    lowest = frame.base - _LINE_HEIGHT / 2  # lower, the axis would cross the name out
    ends = [min(frame.y(line.months[-1].total), lowest) for line in (first, second)]
    near = abs(ends[0] - ends[1]) < _LINE_HEIGHT
    if near:
        middle, is_above = sum(ends) / 2, ends[0] <= ends[1]
        half = _LINE_HEIGHT / 2 * (-1 if is_above else 1)
        middle = min(middle, lowest - _LINE_HEIGHT / 2)
        ends = [middle + half, middle - half]
    parts = []
    for role, line, y in (("text", second, ends[1]), ("val", first, ends[0])):
        number = format_number(line.months[-1].total)
        room = (100 - _NAMES) / 100 * (canvas.width or _NARROWEST)
        left_over = room - measure(f" {number}", _LETTER_SIZE)
        name = f"{cut(line.name, _LETTER_SIZE, left_over)} {number}"
        place = {"x": canvas.x(_NAMES), "y": format_length(y + 4)}
        parts.append(element("text", name, **place, **canvas.paint(role, "wide")))
        if canvas.is_page:
            parts.append(element("text", number, **place, **canvas.paint(role, "phone")))
    return parts


def draw_line_sign(role: str) -> Markup:
    """Return the sign of a line in a key; ``role`` is ``line`` or ``line b``."""
    line = element("line", x1="0", x2="24", y1="6", y2="6", **Canvas().paint(role))
    return element("svg", line, width="24", height="12", aria_hidden="true")
