"""What makes a page suspect, taken apart: what each of its two readings found. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import msgspec

#: As the crawler's readings say it (``crawler.reading.comparison.format_disagreement``).
_DIFFERENCE = re.compile(r"(?P<field>\w+): (?P<ours>.+) by structure, (?P<seen>.+) by label", re.S)


class SuspectReason(msgspec.Struct, frozen=True):
    """One reason; where it is a difference, both sides."""

    reason: str
    field: str | None = None
    by_structure: str | None = None
    by_label: str | None = None


def parse_suspect_reasons(suspect: Sequence[str]) -> tuple[SuspectReason, ...]:
    """The reasons of a suspect record, one by one."""
    return tuple(_parse_reason(reason) for reason in suspect)


def _parse_reason(reason: str) -> SuspectReason:
    found = _DIFFERENCE.fullmatch(reason)
    if found is None:
        return SuspectReason(reason)
    return SuspectReason(reason, found["field"], _unquote(found["ours"]), _unquote(found["seen"]))


def _unquote(printed: str) -> str:
    """What stands in quotes, without them."""
    try:
        text = ast.literal_eval(printed)
    except (SyntaxError, ValueError):
        return printed
    return text if isinstance(text, str) else printed
