"""What bars and lines have in common: the size of a chart, its grid, its years."""

from __future__ import annotations

from datetime import date

import msgspec
from markupsafe import Markup

from alerts.charts.canvas import Canvas, element, format_length, join
from alerts.charts.scale import Scale
from alerts.language import format_number, ngettext

#: Per cent of the width at the left, where no bar stands: the shorter numbers of the grid.
LEFT = 7.0


class Frame(msgspec.Struct, frozen=True):
    """The vertical positions of a chart, in pixels from its top."""

    height: int
    base: float  #: of the line at 0
    top: float = 26.0  #: of the highest line of the grid
    scale: Scale = Scale(1, 3)

    def y(self, number: float) -> float:
        """Return where a number stands."""
        return self.base - (self.base - self.top) * number / self.scale.top


def draw_grid(canvas: Canvas, frame: Frame) -> Markup:
    """Return the line at 0, the lines of the steps, and their numbers, with the unit at the top."""
    return join(
        _draw_line(canvas, "base", frame.base),
        *(_draw_line(canvas, "rule", frame.y(mark)) for mark in frame.scale.marks),
        *(
            element("text", _label(frame, mark), x="0", y=format_length(frame.y(mark) - 5),
                    **canvas.paint("text"))
            for mark in frame.scale.marks
        ),
    )  # fmt: skip


def _draw_line(canvas: Canvas, role: str, y: float) -> Markup:
    height = format_length(y)
    return element("line", x1="0", x2=canvas.x(100), y1=height, y2=height, **canvas.paint(role))


def _label(frame: Frame, mark: int) -> str:
    if mark < frame.scale.top:
        return format_number(mark)
    sentence = ngettext("%(number)s question", "%(number)s questions", mark)
    return sentence % {"number": format_number(mark)}


def draw_year(canvas: Canvas, month: date, percent: float, y: int, **also: str) -> Markup:
    """Return the number of a year below the month that it begins with."""
    return element(
        "text", str(month.year), x=canvas.x(percent), y=str(y), **also, **canvas.paint("val")
    )
