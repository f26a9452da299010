"""Cleaning text and HTML that are not ours. Pure.

The crawler cleans what it reads too, but a record may also come from a file.
"""

from __future__ import annotations

import re

import nh3
from markupsafe import Markup, escape

from alerts.rendering.urls import normalise_link

#: What XML 1.0 cannot hold (section 2.2, Char), the control characters that it discourages, and
#: those that turn the direction of text around (U+202A to U+202E, U+2066 to U+2069), with which a
#: title could show a text that nobody wrote.
_ILLEGAL_CHARACTERS = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    "\U00010000-\U0010ffff]"
)

#: An image would make the reader's browser send a request to a server that is not ours.
_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}
#: Attributes that hold an address.
_URL_ATTRIBUTES = frozenset({"href", "src", "cite"})

_REGION = '<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
_TABLE_TAG = re.compile(r"(<table[^>]*>|</table>)")
_HEADING_TAG = re.compile(r"<(/?)h[1-6][^>]*>")


def sanitise_html(html: str, base_url: str | None = None) -> Markup:
    """Return HTML that is safe in a page or a feed, marked as safe for templates.

    Text, lists and tables stay; scripts, styles and images are removed.

    Args:
        html: Of a source.
        base_url: What its relative links are relative to. Without it, they lose their address.
    """

    def resolve(_tag: str, name: str, value: str) -> str | None:
        if name not in _URL_ATTRIBUTES or value.startswith("mailto:"):
            return value
        return normalise_link(value, base_url)

    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
        attribute_filter=resolve,
    )
    return Markup(clean)  # noqa: S704  # it has just been cleaned


def wrap_tables(html: Markup, name: str) -> Markup:
    """Return clean HTML whose tables scroll by themselves, and whose headings are bold lines.

    A table can be wider than a phone. A heading of a source would stand among those of the page.

    Args:
        html: What :func:`sanitise_html` returned.
        name: Of each table, for who cannot see it: ``Table of the answer``.
    """
    opening = _REGION.format(name=escape(name))
    parts: list[str] = []
    depth = 0
    for part in _TABLE_TAG.split(_HEADING_TAG.sub(_replace_heading, html)):
        is_opened, is_closed = part.startswith("<table"), part == "</table>"
        if is_opened and depth == 0:
            parts.append(opening)
        parts.append(part)
        depth += is_opened - is_closed
        if is_closed and depth == 0:
            parts.append("</div>")
    return Markup("".join(parts))  # noqa: S704  # it was clean, and the name is escaped


def _replace_heading(tag: re.Match[str]) -> str:
    return "</b></p>" if tag[1] else "<p><b>"


def clean_xml_text(text: str) -> str:
    """Return ``text`` without what XML 1.0 cannot hold and what turns the direction of text."""
    return _ILLEGAL_CHARACTERS.sub("", text)
