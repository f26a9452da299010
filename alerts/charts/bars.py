"""Bars: questions by month. Solid is answered, outlined is not yet answered."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from alerts.charts.axes import LEFT, Frame, draw_grid, draw_year
from alerts.charts.canvas import Canvas, element, format_length, join
from alerts.charts.months import MONTHS, MonthCount
from alerts.charts.scale import choose_scale
from alerts.language import (
    format_month,
    format_month_letter,
    format_number,
    gettext,
    ngettext,
)

HEIGHT = 230
_BASE = 190.0
#: Per cent of the width from one bar to the next, and of that, the bar and the space before it.
_SLOT = (100 - LEFT) / MONTHS
_BAR, _SPACE = 0.68 * _SLOT, 0.16 * _SLOT
#: Half the line around an outlined bar, which is drawn inside the height of its number.
_HALF_LINE = 0.75
#: Two numbers above bars need this many pixels from line to line, and so many for a digit. Bars
#: are 11 pixels apart on the narrowest phone, 24 where every month is named.
_LINE_HEIGHT, _DIGIT = 14.0, 7.5
_SLOT_ON_PHONE, _SLOT_ELSEWHERE = 11.0, 24.0


def draw_bars(months: Sequence[MonthCount], canvas: Canvas) -> Markup:
    """Return the elements of a chart of questions by month, :data:`HEIGHT` pixels high.

    Args:
        months: Oldest first, each with its month; at least one.
        canvas: What it is drawn on.
    """
    frame = Frame(HEIGHT, _BASE, scale=choose_scale(max(one.total for one in months)))
    first = MONTHS - len(months)
    return join(
        draw_grid(canvas, frame),
        *(_draw_month(canvas, frame, one, first + n) for n, one in enumerate(months)),
        _draw_values(canvas, frame, months),
    )


def find_highest(months: Sequence[MonthCount]) -> MonthCount:
    """Return the month with the most questions; of several, the latest."""
    return max(months, key=lambda one: (one.total, one.month))


def describe_month(one: MonthCount) -> str:
    """Return what stands at a bar: ``November 2026: 11 questions, 9 not yet answered``."""
    values = {
        "month": format_month(one.month),
        "number": format_number(one.total),
        "unanswered": format_number(one.unanswered),
    }
    if not one.unanswered:
        return ngettext(
            "%(month)s: %(number)s question", "%(month)s: %(number)s questions", one.total
        ) % values  # fmt: skip
    return (
        ngettext(
            "%(month)s: %(number)s question, %(unanswered)s not yet answered",
            "%(month)s: %(number)s questions, %(unanswered)s not yet answered",
            one.total,
        )
        % values
    )


def _draw_month(canvas: Canvas, frame: Frame, one: MonthCount, place: int) -> Markup:
    left = LEFT + place * _SLOT
    is_named_on_phones = one.month.month % 3 == 1
    parts = [
        element("g", element("title", describe_month(one)), *_draw_bar(canvas, frame, one, left)),
        element("text", format_month_letter(one.month), x=canvas.x(left + _SLOT / 2), y="206",
                text_anchor="middle",
                **canvas.paint("text", "" if is_named_on_phones else "wide")),
    ]  # fmt: skip
    if one.month.month == 1:
        edge = canvas.x(left)
        parts += [
            draw_year(canvas, one.month, left + _SPACE, 224),
            element("line", x1=edge, x2=edge, y1=format_length(frame.base), y2="226",
                    **canvas.paint("rule")),
        ]  # fmt: skip
    return join(*parts)


def _draw_bar(canvas: Canvas, frame: Frame, one: MonthCount, left: float) -> list[Markup]:
    """Return the two parts of a bar, and all of its column to point at."""
    place = {"x": canvas.x(left + _SPACE), "width": canvas.x(_BAR)}
    parts = []
    if canvas.is_page:
        parts.append(element("rect", x=canvas.x(left), width=canvas.x(_SLOT), y="0",
                             height=format_length(frame.base), fill="none",
                             pointer_events="all"))  # fmt: skip
    if one.answered:
        y = frame.y(one.answered)
        parts.append(element("rect", **place, y=format_length(y),
                             height=format_length(frame.base - y),
                             **canvas.paint("full")))  # fmt: skip
    if one.unanswered:
        y, bottom = frame.y(one.total) + _HALF_LINE, frame.y(one.answered) - _HALF_LINE
        parts.append(element("rect", **place, y=format_length(y),
                             height=format_length(max(0.5, bottom - y)),
                             **canvas.paint("hollow")))  # fmt: skip
    return parts


def _draw_values(canvas: Canvas, frame: Frame, months: Sequence[MonthCount]) -> Markup:
    """Return the numbers of the highest and of the latest bar."""
    highest, latest = find_highest(months), months[-1]
    values = [_draw_value(canvas, frame, highest, months)]
    if latest is not highest:
        distance = len(months) - 1 - months.index(highest)
        length = _DIGIT * max(len(format_number(one.total)) for one in (highest, latest))
        is_beside = abs(frame.y(highest.total) - frame.y(latest.total)) < _LINE_HEIGHT
        if not (is_beside and distance * _SLOT_ELSEWHERE < length):
            is_for_wide = is_beside and distance * _SLOT_ON_PHONE < length
            values.append(_draw_value(canvas, frame, latest, months, "wide" if is_for_wide else ""))
    return join(*values)


def _draw_value(
    canvas: Canvas, frame: Frame, one: MonthCount, months: Sequence[MonthCount], also: str = ""
) -> Markup:
    place = MONTHS - len(months) + months.index(one)
    return element(
        "text", format_number(one.total), x=canvas.x(LEFT + (place + 0.5) * _SLOT),
        y=format_length(frame.y(one.total) - 5), text_anchor="middle", **canvas.paint("val", also),
    )  # fmt: skip


def draw_key() -> tuple[tuple[Markup, str], ...]:
    """Return the signs of a key with their meanings."""
    canvas = Canvas()
    size = {"width": "12", "height": "12", "aria_hidden": "true"}
    full = element("rect", width="12", height="12", **canvas.paint("full"))
    hollow = element("rect", x="1", y="1", width="10", height="10", **canvas.paint("hollow"))
    return (
        (element("svg", full, **size), gettext("Answered")),
        (element("svg", hollow, **size), gettext("Not yet answered")),
    )
