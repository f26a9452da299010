"""Paths of our pages, and which addresses of sources may be linked to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urljoin, urlsplit

#: Characters beside letters and digits that a URL may hold as they are (RFC 3986, section 2).
_UNQUOTED_CHARACTERS = "%-._~:/?#[]@!$&'()*+,;="


def normalise_link(url: str | None, base_url: str | None = None) -> str | None:
    """Return ``url`` as an absolute URL, with other characters percent-encoded (RFC 3986).

    Args:
        url: An address as a source prints it.
        base_url: What a relative address is relative to: that of the page, or of its site.

    Returns:
        None if it is no http or https URL: sources print addresses such as
        ``http://[insert link].pdf``.
    """
    try:
        parts = urlsplit(urljoin(base_url, url) if base_url and url else url or "")
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return None
    return quote(parts.geturl(), safe=_UNQUOTED_CHARACTERS, errors="replace")


def name_site(source: str, site_urls: Mapping[str, str]) -> str:
    """Return what people know a source by, the host of its site: ``www.london.gov.uk``.

    Args:
        source: As the config names it.
        site_urls: By source, the address of its site. A source without one keeps its name.
    """
    return urlsplit(site_urls.get(source, "")).hostname or source


def name_host(url: str | None) -> str | None:
    """Return what people call the site of an address: ``london.gov.uk``; None without a host."""
    host = urlsplit(normalise_link(url) or "").hostname
    return host.removeprefix("www.") if host else None


def query_path(typed: str) -> str:
    """Return the path of the results of a query: ``/search?q=night+ferry``."""
    return f"/search?{urlencode({'q': typed})}"


def topic_path(slug: str) -> str:
    """Return the path of a topic's page: ``/topic/VRU``."""
    return f"/topic/{slug}"


def question_path(question_id: str) -> str:
    """Return the path of a question's page: ``/question/london:/questions/2018/5425``."""
    return f"/question/{quote(question_id, safe='/:')}"


def member_path(slug: str) -> str:
    """Return the path of a member's page: ``/member/ada-brook``."""
    return f"/member/{quote(slug, safe='')}"
