"""Conditional requests (RFC 9110 13): what the asker has already is not sent again. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime


def strong_tag(content: bytes) -> str:
    """An entity tag of these very bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def http_date(moment: datetime) -> str:
    """``Thu, 16 Jul 2026 12:00:00 GMT``"""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def is_unchanged(headers: Mapping[str, str], tag: str, modified: datetime | None = None) -> bool:
    """Whether the asker has this version; what they say of tags goes before what they say of time.

    ``headers`` with names in lower case.
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
    except (ValueError, OverflowError):  # no date, and so no condition
        return False


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
