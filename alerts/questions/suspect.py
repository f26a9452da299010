"""What makes a page suspect, taken apart: what each of its two readings found. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import msgspec

#: As the crawler's readings say it (``crawler.reading.comparison.differing``).
_DIFFERENCE = re.compile(r"(?P<field>\w+): (?P<ours>.+) by structure, (?P<seen>.+) by label", re.S)


class Doubt(msgspec.Struct, frozen=True):
    """One reason; where it is a difference, both sides."""

    reason: str
    field: str | None = None
    by_structure: str | None = None
    by_label: str | None = None


def doubts_of(suspect: Sequence[str]) -> tuple[Doubt, ...]:
    """The reasons of a suspect record, one by one."""
    return tuple(_doubt(reason) for reason in suspect)


def _doubt(reason: str) -> Doubt:
    found = _DIFFERENCE.fullmatch(reason)
    if found is None:
        return Doubt(reason)
    return Doubt(reason, found["field"], _said(found["ours"]), _said(found["seen"]))


def _said(printed: str) -> str:
    """What stands in quotes, without them."""
    try:
        text = ast.literal_eval(printed)
    except (SyntaxError, ValueError):
        return printed
    return text if isinstance(text, str) else printed
