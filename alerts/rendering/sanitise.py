"""Cleaning text and HTML that are not ours. Pure.

The crawler cleans what it reads too, but a record may also come from a file.
"""

from __future__ import annotations

import re

import nh3
from markupsafe import Markup

#: What XML 1.0 cannot hold (section 2.2, Char), and the control characters that it discourages.
_ILLEGAL_CHARACTERS = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)

#: An image would make the reader's browser send a request to a server that is not ours.
_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}


def sanitise_html(html: str) -> Markup:
    """Return HTML that is safe in a page or a feed, marked as safe for templates.

    Text, lists and tables stay; scripts, styles and images are removed.
    """
    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
    )
    return Markup(clean)  # noqa: S704  # it has just been cleaned


def clean_xml_text(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 cannot hold."""
    return _ILLEGAL_CHARACTERS.sub("", text)
