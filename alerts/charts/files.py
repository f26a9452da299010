"""Charts as files, for other sites and for spreadsheets: SVG, PNG and CSV."""

from __future__ import annotations

import csv
import io
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from markupsafe import Markup

from alerts.charts.canvas import (
    ACCENT,
    BACKGROUND,
    QUIET,
    SANS,
    TEXT,
    Canvas,
    element,
    format_length,
    join,
)
from alerts.charts.figures import Figure
from alerts.charts.png import render_png
from alerts.charts.text_width import cut, measure
from alerts.language import gettext
from alerts.rendering import clean_xml_text

Ending: TypeAlias = Literal["svg", "png", "csv"]

_WIDTH, _MARGIN = 800, 24
#: Where the drawing begins: below the key, or below the words where there is none.
_BELOW_KEY, _BELOW_WORDS = 112, 80
_SENTENCE_HEIGHT = 24
#: PNG files have twice as many pixels, for screens that show two where there was one.
_PNG_ZOOM = 2.0
#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_file(figure: Figure, ending: Ending, address: str | None = None) -> bytes:
    """Return a figure as a file: the drawing with its words in light colours, or the numbers.

    Args:
        figure: What is drawn.
        ending: ``svg``, ``png`` with twice as many pixels, or ``csv`` (RFC 4180).
        address: Of this service, named beside the source; None where it has no public one.
    """
    if ending == "csv":
        return _encode_csv(figure)
    svg = _write_svg(figure, address)
    return svg.encode() if ending == "svg" else render_png(svg, _PNG_ZOOM)


def _write_svg(figure: Figure, address: str | None) -> str:
    has_key = figure.is_drawn and not figure.is_comparison
    top = _BELOW_KEY if has_key else _BELOW_WORDS
    chart_height = figure.height if figure.is_drawn else _SENTENCE_HEIGHT
    height = top + chart_height + 44
    inner = Canvas(_WIDTH - 2 * _MARGIN)
    drawing = element(
        "svg",
        figure.draw(inner) if figure.is_drawn else _say_too_few(inner),
        x=str(_MARGIN),
        y=str(top),
        width=format_length(inner.width or 0),
        height=str(chart_height),
        font_size="13",
        overflow="visible",
    )
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
    return clean_xml_text(
        element(
            "svg",
            element("title", headline),
            element("desc", description) if description else Markup(""),
            element("rect", width=str(_WIDTH), height=str(height), fill=BACKGROUND),
            *parts,
            xmlns="http://www.w3.org/2000/svg",
            width=str(_WIDTH),
            height=str(height),
            viewBox=f"0 0 {_WIDTH} {height}",
            role="img",
            font_family=SANS,
        )
    )


def _say_too_few(canvas: Canvas) -> Markup:
    sentence = gettext("Too few questions for a chart.")
    return element("text", sentence, x="0", y="16", **canvas.paint("text"))


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


def _encode_csv(figure: Figure) -> bytes:
    """Return the numbers, oldest first, with one header line."""
    text = io.StringIO()
    writer = csv.writer(text)
    if figure.is_comparison:
        writer.writerow(("month", "topic", "answered", "not_answered"))
        for line in figure.series:
            for one in line.months:
                writer.writerow((f"{one.month:%Y-%m}", _escape_formula(line.name),
                                 one.answered, one.unanswered))  # fmt: skip
    else:
        writer.writerow(("month", "answered", "not_answered"))
        [line] = figure.series
        writer.writerows((f"{m.month:%Y-%m}", m.answered, m.unanswered) for m in line.months)
    return text.getvalue().encode()


def _escape_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
