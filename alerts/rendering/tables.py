"""Tables in the HTML of a source: regions that scroll, with numbers at the right. Pure.

The HTML has been cleaned, so it is well-formed and in small letters.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from markupsafe import Markup, escape

_REGION = '<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
_TABLE_TAG = re.compile(r"(<table[^>]*>|</table>)")
_HEADING_TAG = re.compile(r"<(/?)h[1-6][^>]*>")
_ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[dh])>(.*?)</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>|&nbsp;|\s")
#: ``£1,204,000``, ``12.5%``, ``-3``, ``n/a``, ``–``.
_NUMBER = re.compile(r"[-–+]?[£€$]?\d[\d,.]*(%|k|m|bn)?|n/?a|[-–]?", re.IGNORECASE)
#: Characters of a first cell that no line breaks: ``2025–26``.
_MAX_SHORT = 10


def wrap_tables(html: Markup, name: str) -> Markup:
    """Return clean HTML whose tables scroll by themselves, and whose headings are bold lines.

    A table can be wider than a phone. A heading of a source would stand among those of the page.

    Args:
        html: What :func:`alerts.rendering.sanitise.sanitise_html` returned.
        name: Of each table, for who cannot see it: ``Table of the answer``.
    """
    opening = _REGION.format(name=escape(name))
    parts: list[str] = []
    depth = 0
    for part in _TABLE_TAG.split(_HEADING_TAG.sub(_replace_heading, html)):
        is_opened, is_closed = part.startswith("<table"), part == "</table>"
        if is_opened and depth == 0:
            parts.append(opening)
        parts.append(_align_numbers(part) if depth == 1 and not is_closed else part)
        depth += is_opened - is_closed
        if is_closed and depth == 0:
            parts.append("</div>")
    return Markup("".join(parts))  # noqa: S704  # it was clean, and the name is escaped


def _replace_heading(tag: re.Match[str]) -> str:
    return "</b></p>" if tag[1] else "<p><b>"


def _align_numbers(table: str) -> str:
    """Return the content of a table with the columns that hold numbers alone at the right.

    Cells that span several columns have attributes and are not counted, so a table with such cells
    stays as it is.
    """
    rows = [_CELL.findall(row) for row in _ROW.findall(table)]
    if len(rows) < 2 or len({len(row) for row in rows}) != 1:
        return table
    columns = [*zip_longest(*([_TAG.sub("", cell[1]) for cell in row] for row in rows))]
    classes = [_choose_class(place, column[1:]) for place, column in enumerate(columns)]
    return _ROW.sub(lambda row: _write_row(row[0], classes), table)


def _choose_class(place: int, texts: tuple[str, ...]) -> str:
    if place == 0:
        return "nowrap" if all(len(text) <= _MAX_SHORT for text in texts) else ""
    is_number = any(texts) and all(_NUMBER.fullmatch(text) for text in texts)
    return "r" if is_number else ""


def _write_row(row: str, classes: list[str]) -> str:
    names = iter(classes)

    def write(cell: re.Match[str]) -> str:
        name = next(names, "")
        return f'<{cell[1]} class="{name}">{cell[2]}</{cell[1]}>' if name else cell[0]

    return _CELL.sub(write, row)
