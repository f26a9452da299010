"""Lists for a person, aligned and cut to the terminal's width; whole, with tabs, in a pipe."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence

import click

#: Colours of states. The words say the same.
_STATE_COLOURS = {
    "well": "green",
    "ok": "green",
    "empty": "green",
    "sent": "green",
    "public": "green",
    "in use": "green",
    "not yet": "yellow",
    "partial": "yellow",
    "queued": "yellow",
    "sending": "yellow",
    "in_doubt": "yellow",
    "held": "yellow",
    "trouble": "red",
    "failed": "red",
    "refused": "red",
    "blocked": "red",
    "unreachable": "red",
}
#: Of a terminal that does not say how large it is: columns and lines.
_DEFAULT_SIZE = (100, 24)
_GAP = "  "
#: A column is not cut to less, so that what it holds can be recognised.
_MIN_COLUMN_WIDTH = 8


def colour_state(text: str, state: str | None = None) -> str:
    """Return a text in the colour of a state.

    The state is that of the text's first words where none is given: ``public: config`` is public.
    """
    colour = _STATE_COLOURS.get((state or text).partition(":")[0])
    return click.style(text, fg=colour) if colour else text


def format_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, nothing: str) -> str:
    """Return rows as text.

    On a terminal they are aligned below headings, and cut to its width. Elsewhere each row is a
    line, whole, with tabs between its cells, and no rows are an empty text.

    Args:
        columns: The headings.
        rows: The cells of each row, one for each column.
        nothing: A sentence for a person to whom there is nothing to show.
    """
    plain = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        return "\n".join("\t".join(row) for row in plain)
    if not plain:
        return nothing
    widths = _fit_columns([[measure(cell) for cell in row] for row in (columns, *plain)])
    lines = [click.style(_align(columns, widths), bold=True)]
    for row in plain:
        cut = [_cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        coloured = [
            colour_state(_pad(text, width), cell)
            for text, cell, width in zip(cut, row, widths, strict=True)
        ]
        lines.append(_GAP.join(coloured).rstrip())
    return "\n".join(lines)


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes (Unicode Standard Annex 11)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _fit_columns(sizes: Sequence[Sequence[int]]) -> list[int]:
    """Return the width of each column; the widest are cut until all fit the terminal."""
    widths = [max(column) for column in zip(*sizes, strict=True)]
    gaps = len(_GAP) * (len(widths) - 1)
    excess = sum(widths) + gaps - shutil.get_terminal_size(_DEFAULT_SIZE).columns
    while excess > 0 and max(widths) > _MIN_COLUMN_WIDTH:
        widths[widths.index(max(widths))] -= 1
        excess -= 1
    return widths


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    cut = (_pad(_cut(cell, width), width) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(cut).rstrip()


def _cut(text: str, width: int) -> str:
    """Return a text, with an ellipsis at its end if it had to be cut."""
    if measure(text) <= width:
        return text
    while measure(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - measure(text))
