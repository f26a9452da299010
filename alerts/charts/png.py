"""SVG to PNG, with resvg and the fonts that are shipped."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import resvg_py

#: Servers have no fonts. The licences are beside them.
_FONT_FILES = ("Inter-Regular.ttf", "Inter-SemiBold.ttf", "Literata-SemiBold.ttf")
#: Pictures that are kept, by what they show: 64 of 60 kB are 4 MB. It takes 50 ms to make one.
_KEPT_PICTURES = 64


@lru_cache(_KEPT_PICTURES)
def render_png(svg: str, zoom: float) -> bytes:
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
