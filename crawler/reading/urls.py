"""Addresses: the many addresses of a page, reduced to one id. Pure.

The source serves a page on four hosts, over http and https, with or without a trailing slash. Its
links carry search parameters of a front end that was retired in 2016, some of them encoded twice.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote, urlsplit

#: An address of 2014 to 2022. A title may follow the number; it is not part of the id.
_NUMBERED_PATH = re.compile(r"(/questions/(\d{4}/\d{4,})(-\d+)?)(?:/[^/]+)?", re.ASCII)
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"


def canonicalise_path(url: str) -> str:
    """Return the path of ``url`` in one spelling, without host, query and fragment.

    No path of the source contains a question mark or a hash, so an encoded one starts a query or a
    fragment.
    """
    path = re.split(r"[?#]", _percent_decode(urlsplit(url).path), maxsplit=1)[0].strip()
    path = quote(path, safe=_PATH_CHARACTERS, errors="ignore")
    return posixpath.normpath("/" + path.lstrip("/"))


def _percent_decode(path: str) -> str:
    """Return ``path`` without percent-encoding, however often it was encoded."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path


def build_question_id(source: str, url: str) -> str:
    """Return the id of the question at ``url``: ``london:/questions/2018/5425``.

    ``/questions/2014/4962/meeting-londons-current`` has the id of ``/questions/2014/4962``. It is
    still fetched at the address that the source links to.
    """
    path = canonicalise_path(url)
    numbered = _NUMBERED_PATH.fullmatch(path)
    return f"{source}:{numbered[1] if numbered else path}"


def find_reference(url: str) -> str | None:
    """Return the reference in an address of 2014-2022: ``2018/5425``.

    Returns:
        None for other addresses, and for one with a collision suffix (``2006/0427-0``), which
        supplementaries have as well as main questions.
    """
    match = _NUMBERED_PATH.fullmatch(canonicalise_path(url))
    return match[2] if match and not match[3] else None
