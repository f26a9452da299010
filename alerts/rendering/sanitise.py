"""Somebody else's HTML, whoever wrote the record: text, lists and tables stay, what acts goes.

The crawler cleans what it reads; a record may come from a file too. Pure.
"""

from __future__ import annotations

import nh3
from markupsafe import Markup

#: A picture would be a request to somebody else's server.
_TAGS = nh3.ALLOWED_TAGS - {"img", "map", "area"}


def sanitise_html(html: str) -> Markup:
    """``html`` that may stand in a page or a feed."""
    clean = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        url_schemes={"http", "https", "mailto"},
    )
    return Markup(clean)  # noqa: S704  # that is what it was cleaned for
