"""Addresses: many spellings of one page reduced to one identity. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_NUMBERED = re.compile(r"/questions/(\d{4}/\d{4,})(?:/[^/]+)?")


#: An address of 2014 to 2022 with the title behind the number, which says nothing more.
_SLUGGED = re.compile(r"(/questions/\d{4}/\d{4,}(?:-\d+)?)/[^/]+")


def canonical_path(url: str) -> str:
    """The part of ``url`` that names the page: its path, without host, query and fragment.

    The source serves the same page on four hosts, over http and https, and carries search
    parameters of a front end retired in 2016 on its links.
    """
    path = unquote(urlsplit(url).path).rstrip("/")
    return re.sub(r"/{2,}", "/", path) or "/"


def question_id(source: str, url: str) -> str:
    """Identity of the question at ``url``: ``london:/questions/2018/5425``."""
    path = canonical_path(url)
    numbered = _SLUGGED.fullmatch(path)
    return f"{source}:{numbered[1] if numbered else path}"


def numbered_reference(url: str) -> str | None:
    """The reference in an address of 2014-2022: ``2018/5425``.

    None for an address with a collision suffix (``2006/0427-0``): the suffix stands on
    supplementaries and on main questions alike, so it says nothing about either.
    """
    match = _NUMBERED.fullmatch(canonical_path(url))
    return match[1] if match else None
