"""Writing SVG: elements, and in which colours and coordinates a chart is drawn.

A chart in a page takes its colours from the style sheet, by class, and fills whatever width there
is: horizontal positions are percentages. A file has to bring both itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Final, TypeAlias

import msgspec
from markupsafe import Markup

Attributes: TypeAlias = Mapping[str, str]

#: The light colours of the style sheet; a test compares them.
BACKGROUND, TINT, LINE, EDGE = "#ffffff", "#f1f5f5", "#d5dddd", "#6a7879"
TEXT, QUIET, ACCENT = "#162021", "#4d5b5c", "#0b5966"
MARK, STRIPE = "#ffe48a", "#ffd84d"

#: Families of the fonts that are shipped for PNG files, and what a viewer may have instead.
SANS: Final = "Inter, system-ui, sans-serif"
SERIF: Final = "Literata, Charter, Georgia, serif"

#: Around letters, so that a line of the grid behind them does not cross them out.
_HALO: Final[Attributes] = {
    "stroke": BACKGROUND,
    "stroke-width": "4",
    "stroke-linejoin": "round",
    "paint-order": "stroke",
}
_COLOURS: Final[Mapping[str, Attributes]] = {
    "full": {"fill": ACCENT},
    "hollow": {"fill": BACKGROUND, "stroke": ACCENT, "stroke-width": "1.5"},
    "rule": {"stroke": LINE},
    "base": {"stroke": EDGE},
    "line": {"fill": "none", "stroke": ACCENT, "stroke-width": "2.5"},
    "line b": {"fill": "none", "stroke": EDGE, "stroke-width": "2.5", "stroke-dasharray": "5 4"},
    "val": {"fill": TEXT, "font-weight": "600", **_HALO},
    "text": {"fill": QUIET, **_HALO},
}


class Canvas(msgspec.Struct, frozen=True):
    """What a chart is drawn on: a page, or a file of a fixed width."""

    width: float | None = None  #: in pixels; None for a page

    @property
    def is_page(self) -> bool:
        """Whether the drawing is part of a page."""
        return self.width is None

    def x(self, percent: float) -> str:
        """Return a horizontal position or length, given in per cent of the width."""
        if self.width is None:
            return f"{percent:.2f}".rstrip("0").rstrip(".") + "%"
        return format_length(percent * self.width / 100)

    def paint(self, role: str, also: str = "") -> dict[str, str]:
        """Return the attributes that give an element its colours.

        Args:
            role: A key of the table of colours, such as ``full``.
            also: A further class, which counts in a page alone.
        """
        if self.width is not None:
            return dict(_COLOURS[role])
        names = " ".join(filter(None, ("" if role == "text" else role, also)))
        return {"class": names} if names else {}


def element(name: str, *content: str, **attributes: str) -> Markup:
    """Return an SVG element; whatever is no :class:`~markupsafe.Markup` is escaped.

    Args:
        name: Of the element.
        content: Texts and elements inside it.
        attributes: With ``_`` for the ``-`` in their names.
    """
    # html.escape, because a page has 150 elements: markupsafe's makes an object of each text.
    written = "".join(
        f' {_name_attribute(key)}="{escape(value)}"' for key, value in attributes.items()
    )
    inside = "".join(part if isinstance(part, Markup) else escape(part) for part in content)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S704


@lru_cache(maxsize=64)
def _name_attribute(key: str) -> str:
    return key.replace("_", "-")


def join(*parts: str) -> Markup:
    """Return elements and texts one after the other."""
    return Markup("").join(parts)


def format_length(pixels: float) -> str:
    """Return a length with one decimal at most: ``12.5``."""
    return f"{pixels:.1f}".removesuffix(".0")
