"""Addresses: many spellings of one page reduced to one identity. Pure.

The source serves a page on four hosts, over http and https, with or without a slash at the end,
and carries the search parameters of a front end retired in 2016 on its links, some encoded twice.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote, urlsplit

#: An address of 2014 to 2022; the title may stand behind the number, and says nothing more.
_NUMBERED_PATH = re.compile(r"(/questions/(\d{4}/\d{4,})(-\d+)?)(?:/[^/]+)?", re.ASCII)
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"


def canonicalise_path(url: str) -> str:
    """The part of ``url`` that names the page: its path, without host, query and fragment.

    No address of the source has a question mark or a hash in its path, so an encoded one begins
    a query or a fragment.
    """
    path = re.split(r"[?#]", _percent_decode(urlsplit(url).path), maxsplit=1)[0].strip()
    path = quote(path, safe=_PATH_CHARACTERS, errors="ignore")
    return posixpath.normpath("/" + path.lstrip("/"))


def _percent_decode(path: str) -> str:
    """``path`` with its percent-encoding undone, however often it was encoded."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path


def build_question_id(source: str, url: str) -> str:
    """Identity of the question at ``url``: ``london:/questions/2018/5425``.

    ``/questions/2014/4962/meeting-londons-current`` is ``/questions/2014/4962``, but it is asked
    for at the address that the source itself names.
    """
    path = canonicalise_path(url)
    numbered = _NUMBERED_PATH.fullmatch(path)
    return f"{source}:{numbered[1] if numbered else path}"


def find_reference(url: str) -> str | None:
    """The reference in an address of 2014-2022: ``2018/5425``.

    None for an address with a collision suffix (``2006/0427-0``): the suffix stands on
    supplementaries and on main questions alike, so it says nothing about either.
    """
    match = _NUMBERED_PATH.fullmatch(canonicalise_path(url))
    return match[2] if match and not match[3] else None
