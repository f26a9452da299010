"""Conditional requests: 304 for a client that already has this version (RFC 9110 13). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def strong_tag(content: bytes) -> str:
    """Return a strong entity tag: equal for equal bytes only (RFC 9110 8.8.3)."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def http_date(moment: datetime) -> str:
    """Return ``moment`` as an HTTP date: ``Thu, 16 Jul 2026 12:00:00 GMT`` (RFC 9110 5.6.7)."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def is_unchanged(headers: Mapping[str, str], tag: str, modified: datetime | None = None) -> bool:
    """Return whether the client has this version. If-None-Match precedes If-Modified-Since.

    Args:
        headers: request headers, with names in lower case.
        tag: entity tag of this version.
        modified: when this version was made; None where it is compared by its tag alone.
    """
    tags = headers.get("if-none-match")
    if tags is not None:
        known = [one.strip().removeprefix("W/") for one in tags.split(",")]
        return tag in known or "*" in known
    since = headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        return modified.replace(microsecond=0) <= _aware(parsedate_to_datetime(since))
    except (ValueError, OverflowError):  # not a date: the header is ignored (RFC 9110 13.1.3)
        return False


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
