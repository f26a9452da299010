"""Where each of our pages is, and what may be linked to. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit


def web_address(url: str | None) -> str | None:
    """``url`` where it is one that may be linked to, else None."""
    return url if url and urlsplit(url).scheme in {"http", "https"} else None


def query_path(typed: str) -> str:
    """The page that shows what a query brings."""
    return f"/?{urlencode({'q': typed})}"


def topic_path(slug: str) -> str:
    """The page of a topic."""
    return f"/topic/{slug}"


def question_path(question_id: str) -> str:
    """The page of a question: ``/question/london:/questions/2018/5425``."""
    return f"/question/{quote(question_id, safe='/:')}"


def member_path(person: str) -> str:
    """The page of somebody who asks."""
    return f"/member/{quote(person, safe='')}"
