"""Charts as files, for other sites and for spreadsheets: SVG, PNG and CSV."""

from __future__ import annotations

import csv
import io
from importlib.resources import files
from urllib.parse import urlsplit

import resvg_py
from markupsafe import Markup

from alerts.charts.bars import draw_bars
from alerts.charts.drawing import (
    ACCENT,
    BACKGROUND,
    QUIET,
    SANS,
    TEXT,
    Canvas,
    element,
    format_length,
    join,
    write_element,
)
from alerts.charts.figures import Comparison, MonthlyChart
from alerts.charts.lines import draw_lines
from alerts.charts.measure import cut, measure
from alerts.language import gettext

_WIDTH, _MARGIN = 800, 24
#: Where the drawing begins: below the key, or below the words where there is none.
_BELOW_KEY, _BELOW_WORDS = 112, 80
_SENTENCE_HEIGHT = 24
#: PNG files have twice as many pixels, for screens that show two where there was one.
PNG_ZOOM = 2.0
#: The fonts of PNG files: servers have none. See the licences beside them.
_FONT_FILES = ("Inter-Regular.ttf", "Inter-SemiBold.ttf", "Literata-SemiBold.ttf")
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_chart_file(figure: MonthlyChart | Comparison, address: str | None) -> str:
    """Return a figure as an SVG file: the drawing with its words, in light colours.

    Args:
        figure: What is drawn.
        address: Of this service, named beside the source; None where it has no public one.
    """
    has_key = figure.is_drawn and not isinstance(figure, Comparison)
    top = _BELOW_KEY if has_key else _BELOW_WORDS
    chart_height = figure.height if figure.is_drawn else _SENTENCE_HEIGHT
    height = top + chart_height + 44
    inner = Canvas(_WIDTH - 2 * _MARGIN)
    drawing = element(
        "svg", _draw(figure, inner), x=str(_MARGIN), y=str(top), font_size="13",
        width=format_length(inner.width or 0), height=str(chart_height), overflow="visible",
    )  # fmt: skip
    return _write_document(
        height,
        figure.headline,
        figure.description,
        _write_line(figure.headline, 40, 20, TEXT, "600"),
        _write_line(figure.counted, 65, 14, QUIET),
        _draw_key() if has_key else Markup(""),
        drawing,
        _write_foot(figure.source, address, height - 20),
    )


def _write_document(height: int, headline: str, description: str, *parts: str) -> str:
    return str(
        write_element(
            "svg",
            element("title", headline),
            element("desc", description) if description else Markup(""),
            element("rect", width=str(_WIDTH), height=str(height), fill=BACKGROUND),
            *parts,
            **{
                "xmlns": "http://www.w3.org/2000/svg",
                "width": str(_WIDTH),
                "height": str(height),
                "viewBox": f"0 0 {_WIDTH} {height}",
                "role": "img",
                "font-family": SANS,
            },
        )
    )


def _draw(figure: MonthlyChart | Comparison, canvas: Canvas) -> Markup:
    if not figure.is_drawn:
        return element("text", gettext("Too few questions for a chart."), x="0", y="16",
                       **canvas.paint("text"))  # fmt: skip
    if isinstance(figure, Comparison):
        return draw_lines(figure.first, figure.second, canvas)
    return draw_bars(figure.months, canvas)


def _write_line(text: str, y: int, size: int, colour: str, weight: str = "400") -> Markup:
    return element("text", cut(text, size, _WIDTH - 2 * _MARGIN), x=str(_MARGIN), y=str(y),
                   font_size=str(size), font_weight=weight, fill=colour)  # fmt: skip


def _draw_key() -> Markup:
    answered, unanswered = gettext("Answered"), gettext("Not yet answered")
    second = _MARGIN + 18 + measure(answered, 13) + 22
    colours = Canvas(_WIDTH)
    return join(
        element("rect", x=str(_MARGIN), y="81", width="12", height="12", fill=ACCENT),
        element("text", answered, x=str(_MARGIN + 18), y="92", font_size="13", fill=TEXT),
        element("rect", x=format_length(second + 1), y="82", width="10", height="10",
                **colours.paint("hollow")),
        element("text", unanswered, x=format_length(second + 18), y="92", font_size="13",
                fill=TEXT),
    )  # fmt: skip


def _write_foot(source: str, address: str | None, y: int) -> Markup:
    right = (urlsplit(address).netloc if address else "") or ""
    room = _WIDTH - 3 * _MARGIN - measure(right, 13)
    left = element("text", cut(source, 13, room), x=str(_MARGIN), y=str(y), font_size="13",
                   fill=QUIET)  # fmt: skip
    if not right:
        return left
    return join(
        left,
        element("text", right, x=str(_WIDTH - _MARGIN), y=str(y), font_size="13", fill=QUIET,
                text_anchor="end"),
    )  # fmt: skip


def render_png(svg: str, zoom: float = PNG_ZOOM) -> bytes:
    """Return an SVG document of ours as a PNG file.

    Args:
        svg: The document. Only the shipped fonts are used, so that every server makes the same.
        zoom: Pixels of the file for one of the document.
    """
    folder = files("alerts.charts").joinpath("fonts")
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=zoom,
            skip_system_fonts=True,
            font_files=[str(folder.joinpath(name)) for name in _FONT_FILES],
            sans_serif_family="Inter",
            serif_family="Literata",
        )
    )


def encode_months_csv(figure: MonthlyChart | Comparison) -> bytes:
    """Return the numbers of a figure as CSV (RFC 4180), oldest first, with one header line."""
    text = io.StringIO()
    writer = csv.writer(text)
    if isinstance(figure, Comparison):
        writer.writerow(("month", "topic", "answered", "not_answered"))
        for line in (figure.first, figure.second):
            for one in line.months:
                writer.writerow((f"{one.month:%Y-%m}", _escape_formula(line.name),
                                 one.answered, one.unanswered))  # fmt: skip
    else:
        writer.writerow(("month", "answered", "not_answered"))
        writer.writerows((f"{m.month:%Y-%m}", m.answered, m.unanswered) for m in figure.months)
    return text.getvalue().encode()


def _escape_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
