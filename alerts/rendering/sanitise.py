"""Cleaning text and HTML that are not ours. Pure.

The crawler cleans what it reads too, but a record may also come from a file.
"""

from __future__ import annotations

import re

import nh3
from markupsafe import Markup

from alerts.rendering.urls import normalise_link

#: What XML 1.0 cannot hold (section 2.2, Char), the control characters that it discourages, and
#: those that turn the direction of text around (U+202A to U+202E, U+2066 to U+2069), with which a
#: title could show a text that nobody wrote.
#: They are listed, rather than what is legal: it halves the time, which each page and feed takes.
_ILLEGAL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufdd0-\ufdef\ufffe\uffff]"
)

#: An image would make the reader's browser send a request to a server that is not ours.
_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}
#: Attributes that hold an address.
_URL_ATTRIBUTES = frozenset({"href", "src", "cite"})


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


def clean_xml_text(text: str) -> str:
    """Return ``text`` without what XML 1.0 cannot hold and what turns the direction of text."""
    return _ILLEGAL_CHARACTERS.sub("", text)
