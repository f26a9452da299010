"""Pictures that other sites show beside a link (Open Graph): the name, a title, a small chart."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from alerts.charts.canvas import (
    ACCENT,
    BACKGROUND,
    LINE,
    MARK,
    QUIET,
    SANS,
    SERIF,
    STRIPE,
    TEXT,
    Canvas,
    element,
    format_length,
    join,
)
from alerts.charts.months import MonthCount
from alerts.charts.png import render_png
from alerts.charts.text_width import cut, measure, wrap
from alerts.rendering import clean_xml_text

#: As Facebook's documentation of shared images advises, and as X's large card is cut.
WIDTH, HEIGHT = 1200, 630
_MARGIN = 72
_ROOM = WIDTH - 2 * _MARGIN
_TITLE_SIZES = ((64, 2), (52, 3), (44, 4))
_CHART_TOP, _CHART_BOTTOM = 400, 560


class LinkPicture(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture says."""

    service: str  #: the name of the service
    title: str  #: of the question, the topic, the member or the search
    is_record: bool = False  #: whether the title is a record's, and not our own words
    details: Sequence[str] = ()  #: up to two lines below the title
    months: Sequence[MonthCount] = ()  #: drawn as small bars at the foot; empty for none
    foot: str = ""  #: the address of the service, where it has one


def draw_link_picture(picture: LinkPicture) -> bytes:
    """Return the picture as a PNG file of 1200 by 630 pixels."""
    return render_png(write_picture(picture), 1.0)


def write_picture(picture: LinkPicture) -> str:
    """Return the picture as an SVG document."""
    return clean_xml_text(
        element(
            "svg",
            element("rect", width=str(WIDTH), height=str(HEIGHT), fill=BACKGROUND),
            element("rect", width="18", height=str(HEIGHT), fill=STRIPE),
            _draw_wordmark(picture.service),
            *_draw_words(picture),
            _draw_small_bars(picture.months) if picture.months else Markup(""),
            _draw_foot(picture.foot),
            xmlns="http://www.w3.org/2000/svg",
            width=str(WIDTH),
            height=str(HEIGHT),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            font_family=SANS,
        )
    )


def _draw_wordmark(service: str) -> Markup:
    """Return the name: its second half on the marker, or all of it if it was renamed."""
    size = 44
    plain, marked = ("Watch", "word") if service == "Watchword" else ("", cut(service, size, 800))
    # Anchored where both meet, so that no length has to be known exactly.
    start = _MARGIN + measure(plain, size) * 1.02
    return join(
        element("rect", x=format_length(start - 2), y="66", rx="6",
                width=format_length(measure(marked, size) * 1.02 + 12), height="56", fill=MARK),
        *([element("text", plain, x=format_length(start), y="110", text_anchor="end",
                   font_size=str(size), font_weight="600", fill=TEXT)] if plain else []),
        element("text", marked, x=format_length(start + 3), y="110", font_size=str(size),
                font_weight="600", fill=TEXT),
    )  # fmt: skip


def _draw_words(picture: LinkPicture) -> list[Markup]:
    size, lines = _fit_title(picture)
    top = 180 + size
    family = SERIF if picture.is_record else SANS
    parts = [
        element("text", line, x=str(_MARGIN), y=format_length(top + n * size * 1.2),
                font_family=family, font_size=str(size), font_weight="600", fill=TEXT)
        for n, line in enumerate(lines)
    ]  # fmt: skip
    below = top + (len(lines) - 1) * size * 1.2 + 58
    parts += [
        element("text", cut(line, 30, _ROOM), x=str(_MARGIN), y=format_length(below + n * 42),
                font_size="30", fill=QUIET)
        for n, line in enumerate(picture.details[:2])
    ]  # fmt: skip
    return parts


def _fit_title(picture: LinkPicture) -> tuple[int, list[str]]:
    """Return the largest size at which the title is whole, and its lines; else the smallest."""
    sizes = _TITLE_SIZES[:1] if picture.months else _TITLE_SIZES
    most_lines = 1 if picture.months else None
    for size, count in sizes:
        lines = wrap(picture.title, size, _ROOM, most_lines or count)
        if not lines or not lines[-1].endswith("…"):
            return size, lines
    size, count = (48, 2) if picture.months else _TITLE_SIZES[-1]
    return size, wrap(picture.title, size, _ROOM, count)


def _draw_small_bars(months: Sequence[MonthCount]) -> Markup:
    """Return a bar for each month, without numbers: solid is answered, outlined is not."""
    highest = max(1, *(one.total for one in months))
    slot = _ROOM / len(months)
    unit = (_CHART_BOTTOM - _CHART_TOP) / highest
    paint = Canvas(WIDTH).paint("hollow") | {"stroke-width": "3"}
    parts = []
    for place, one in enumerate(months):
        x, width = _MARGIN + slot * (place + 0.16), slot * 0.68
        middle, top = _CHART_BOTTOM - one.answered * unit, _CHART_BOTTOM - one.total * unit
        if one.answered:
            parts.append(element("rect", x=format_length(x), width=format_length(width),
                                 y=format_length(middle), fill=ACCENT,
                                 height=format_length(_CHART_BOTTOM - middle)))  # fmt: skip
        if one.unanswered:
            parts.append(element("rect", x=format_length(x + 1.5), y=format_length(top + 1.5),
                                 width=format_length(width - 3),
                                 height=format_length(max(1, middle - top - 3)),
                                 **paint))  # fmt: skip
    y = str(_CHART_BOTTOM)
    parts.append(element("line", x1=str(_MARGIN), x2=str(WIDTH - _MARGIN), y1=y, y2=y,
                         stroke=LINE, stroke_width="2"))  # fmt: skip
    return join(*parts)


def _draw_foot(foot: str) -> Markup:
    if not foot:
        return Markup("")
    return element("text", cut(foot, 26, _ROOM), x=str(_MARGIN), y="604", font_size="26",
                   fill=QUIET)  # fmt: skip
