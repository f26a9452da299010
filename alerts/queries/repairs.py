"""What a query that is refused may have meant. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from alerts.queries.checks import MAX_LENGTH, QueryError
from alerts.queries.fields import FIELDS
from alerts.queries.parse import parse_query

#: Repairs that are offered: with more, the reader would have to compare them.
_MAX_REPAIRS = 2
_QUOTES = '"“”„‟″＂«»'
#: Signs and words that other search engines know, and what they are here.
_REPLACEMENTS = (
    (re.compile(r"\s*[,;]\s*"), " OR "),
    (re.compile(r"\b(?:BUT\s+NOT|ANDNOT|AND-NOT|BUTNOT)\b"), "NOT"),
    (re.compile(r"\b(?:EXCEPT|WITHOUT|UNLESS|MINUS|NOR|NAND|BUT)\b(?!\s+NOT\b)"), "NOT"),
    (re.compile(r"(?<!\S)&?!(?=\w)"), "NOT "),
    (re.compile(r"(?<!\S)[-–—−]{2,}(?=\w)"), "-"),
    (
        re.compile(r"\b(?:w|n|pre|onear|adj|within|near)?/(?=\d)|\b(?:near|adj)(?=\d)", re.I),
        "NEAR/",
    ),
    (re.compile(r"\bNEAR(?![/\w])"), "NEAR/5"),
    (re.compile(r"(?<!\S)['‘`]+(\w[^'’`]*)['’`]+(?!\S)"), r'"\1"'),
    (re.compile(r"(?<=\w)\([^()\s]*\)"), ""),
    (re.compile(r"\b(AND|OR|NOT)[^\w\s()]+(?=\s)"), r"\1"),
    (re.compile(r"(?<=\w{3})\?\w*"), "*"),
    (re.compile(r"(?<!\S)(?:date|from|to|since|until|before|after):\S*", re.I), ""),
    (re.compile(r"[\[{]"), "("),
    (re.compile(r"[\]}]"), ")"),
    (re.compile(r"(?<!\S)[+#@$]|\^\d*|[!?\\=<>]"), ""),
    (re.compile(r"(?<!\S)-(?=\w)"), ""),
)
_FIELD = re.compile(r"(?<!\S)([^\W\d]\w*):(?=\S)")


def suggest_repairs(typed: str) -> list[str]:
    """Return queries that are accepted and differ from a refused one by little, the nearest first.

    Args:
        typed: What was refused.
    """
    if len(typed) > MAX_LENGTH:
        return []
    found: list[str] = []
    for repaired in _iter_repairs(typed):
        tidy = " ".join(repaired.split())
        if tidy != typed and tidy not in found and _is_accepted(tidy):
            found.append(tidy)
        if len(found) == _MAX_REPAIRS:
            break
    return found


def _iter_repairs(typed: str) -> Iterator[str]:
    """Generate repaired texts, those that change one thing before those that change everything."""
    for repair in (_close_brackets, _close_quotes, _correct_fields):
        yield repair(typed)
    changed = typed
    for pattern, replacement in _REPLACEMENTS:
        yield pattern.sub(replacement, typed)
        changed = pattern.sub(replacement, changed)
    yield from (changed, _close_brackets(changed))
    removals: tuple[Callable[[str], str], ...] = (_remove_brackets, _remove_quotes)
    for remove in removals:
        yield remove(typed)
        yield remove(changed)
    yield f'"{_remove_quotes(typed)}"'


def _is_accepted(typed: str) -> bool:
    try:
        parse_query(typed)
    except QueryError:
        return False
    return True


def _close_brackets(typed: str) -> str:
    return typed + ")" * (typed.count("(") - typed.count(")"))


def _close_quotes(typed: str) -> str:
    return f'{typed.rstrip()}"'


def _correct_fields(typed: str) -> str:
    """Return a text with names of fields that do not exist replaced, or taken out."""

    def correct(name: re.Match[str]) -> str:
        near = get_close_matches(name[1].lower(), FIELDS)
        return f"{near[0]}:" if near else ""

    return _FIELD.sub(correct, typed)


def _remove_brackets(typed: str) -> str:
    return re.sub(r"[()]", " ", typed)


def _remove_quotes(typed: str) -> str:
    return re.sub(f"[{_QUOTES}]", " ", typed)
