"""Where each of our pages is, and what may be linked to. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

#: What a URL is written with beside letters and digits (RFC 3986 2).
_UNQUOTED_CHARACTERS = "%-._~:/?#[]@!$&'()*+,;="


def normalise_link(url: str | None) -> str | None:
    """``url``, spelt as RFC 3986 wants it, where it is one that may be linked to; else None.

    Sources print addresses that are none: ``http://[insert link].pdf``.
    """
    try:
        place = urlsplit(url or "")
    except ValueError:
        return None
    if place.scheme not in {"http", "https"} or not place.netloc:
        return None
    return quote(place.geturl(), safe=_UNQUOTED_CHARACTERS, errors="replace")


def query_path(typed: str) -> str:
    """The page that shows what a query brings."""
    return f"/?{urlencode({'q': typed})}"


def topic_path(slug: str) -> str:
    """The page of a topic."""
    return f"/topic/{slug}"


def question_path(question_id: str) -> str:
    """The page of a question: ``/question/london:/questions/2018/5425``."""
    return f"/question/{quote(question_id, safe='/:')}"


def member_path(slug: str) -> str:
    """The page of somebody who asks."""
    return f"/member/{quote(slug, safe='')}"
