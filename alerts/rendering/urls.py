"""Paths of our pages, and which addresses of sources may be linked to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urlencode, urljoin, urlsplit

#: Characters beside letters and digits that a URL may hold as they are (RFC 3986, section 2).
_UNQUOTED_CHARACTERS = "%-._~:/?#[]@!$&'()*+,;="
#: Addresses of about 300 bytes that are kept: digests and pages show the same questions.
_CACHED_LINKS = 4096

#: A reference whose short address needs no escapes: ``2026/1303``, ``HL1234``.
_PLAIN_REFERENCE = re.compile(r"[A-Za-z0-9]+([/-][A-Za-z0-9]+)*")

#: The date at the end of a meeting's name: pages show the day beside the name.
_DAY_AT_END = re.compile(r"\s+on (\d{4}-\d{2}-\d{2}|\d{1,2} [A-Z][a-z]+ \d{4})$")


@lru_cache(_CACHED_LINKS)
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
        site_urls: By source, the address of its site. A source keeps its name without one, and with
            one that nobody calls it by: ``127.0.0.1``.
    """
    host = urlsplit(site_urls.get(source, "")).hostname
    return host if host and _is_domain_name(host) else source


def name_host(url: str | None) -> str | None:
    """Return what people call the site of an address: ``london.gov.uk``.

    None without a host, and for one that nobody calls it by: ``127.0.0.1``, ``localhost``.
    """
    host = urlsplit(normalise_link(url) or "").hostname
    return host.removeprefix("www.") if host and _is_domain_name(host) else None


def _is_domain_name(host: str) -> bool:
    return "." in host and not host.replace(".", "").isdigit()


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


def short_path(reference: str | None, source: str | None = None) -> str | None:
    """Return the short path of a question: ``/q/2026-1303``, with a source ``/q/london/2026-1303``.

    Returns:
        None without a reference, or for one that is no part of a path as it is.
    """
    if not reference or not _PLAIN_REFERENCE.fullmatch(reference):
        return None
    prefix = f"{quote(source, safe='')}/" if source else ""
    return f"/q/{prefix}{reference.replace('/', '-')}"


def name_in_sentence(name: str) -> str:
    """Return a name for the middle of a sentence: ``the Mayor`` for ``The Mayor``."""
    return f"t{name[1:]}" if name.startswith("The ") else name


def name_without_day(meeting: str) -> str:
    """Return a meeting's printed name without its date: ``MQT`` for ``MQT on 2018-12-20``."""
    return _DAY_AT_END.sub("", meeting) or meeting


def body_path(body_id: str) -> str:
    """Return the path of the page of an answering body: ``/bodies/the-mayor``."""
    return f"/bodies/{quote(body_id, safe='')}"
