"""Filters: the fields that narrow a search, added to a typed query and removed from it. Pure.

A filter is a part of the query, so an alert for what a page shows is an alert for its query. What
somebody typed is kept as far as it can be: a filter is written behind it, and cut out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from alerts.queries.ast import And, Leaf, Near, Or, Query, Word
from alerts.queries.capitals import has_small_letters
from alerts.queries.checks import MAX_LENGTH, QueryError
from alerts.queries.fields import KEYWORD_FIELDS
from alerts.queries.parse import format_canonical, parse_query

#: The fields that results are filtered by, in the order in which a page offers them.
FILTER_FIELDS = ("status", "asked_by", "party", "asked_of", "year", "source")
#: Characters of a query to which a filter is added without reading the whole again: it is far from
#: the limits of a query, 500 characters and 50 words.
_MAX_BASE = 150
#: Values that need no quotes.
_PLAIN_VALUE = re.compile(r"[a-z0-9]+")
#: A filter of which the meaning is known, and how it is typed.
_ANY_FILTER = (Word(("2026",), "exact", "year"), "year:2026")
#: A field with a word or a phrase, not inside of another word.
_TERM = re.compile(r"""(?<![^\s()])([A-Za-z_]+):("[^"]*"|[^\s()"]+)(?![^\s()])""")
#: What a phrase cannot hold.
_UNQUOTABLE = re.compile(r'["“”„‟″＂«»*\s]+')


class Filter(msgspec.Struct, frozen=True):
    """A filter that a query has."""

    field: str
    values: tuple[str, ...]  #: as typed, or in canonical form; several where any of them will do
    part: Query  #: of the query in normal form


def write_filter(field: str, value: str) -> str | None:
    """Return a filter as it is typed: ``asked_by:"Ada Brook"``; None if it is no query.

    Args:
        field: One of :data:`FILTER_FIELDS`.
        value: What the field must contain, in any case.
    """
    text = _UNQUOTABLE.sub(" ", value).strip()
    is_plain = field in KEYWORD_FIELDS and _PLAIN_VALUE.fullmatch(text)
    term = f"{field}:{text}" if is_plain else f'{field}:"{text}"'
    return term if parse_or_none(term) is not None else None


def add_filter(typed: str, term: str) -> str | None:
    """Return a query with one more filter; None if it would be refused, or mean something else.

    Args:
        typed: A query as somebody typed it, without this filter.
        term: As :func:`write_filter` writes it.
    """
    base = _find_base(typed)
    if base is not None and _stands_alone(term) and len(base) <= _MAX_BASE:
        return f"{base} {term}" if len(base) + len(term) < MAX_LENGTH else None
    query, added = parse_or_none(typed), parse_or_none(term)
    if query is None or added is None:
        return None
    wanted = format_canonical(And((query, added)))
    for base in (f"({typed})" if isinstance(query, Or) else typed, _write_part(query)):
        narrowed = parse_or_none(f"{base} {term}")
        if narrowed is not None and format_canonical(narrowed) == wanted:
            return f"{base} {term}"
    return None


@lru_cache(200)  # one for each filter of a page, which are 60
def _find_base(typed: str) -> str | None:
    """Return what a filter is written behind; None if it would change what is before it."""
    query = parse_or_none(typed)
    if query is None:
        return None
    base = f"({typed})" if isinstance(query, Or) else typed
    narrowed = parse_or_none(f"{base} {_ANY_FILTER[1]}")
    wanted = format_canonical(And((query, _ANY_FILTER[0])))
    return base if narrowed is not None and format_canonical(narrowed) == wanted else None


@lru_cache(10_000)
def _stands_alone(term: str) -> bool:
    """Return whether a filter changes the meaning of no word beside it, whatever that is.

    Words in capitals are read in another way if others are in capitals too.
    """
    field, _, value = term.partition(":")
    return field in KEYWORD_FIELDS or (value.startswith('"') and has_small_letters(value))


def list_filters(typed: str) -> list[Filter]:
    """Return the filters of a query, in the order of :data:`FILTER_FIELDS`.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    written = {format_canonical(one): text for one, text in _iter_terms(typed)}
    parts = query.parts if isinstance(query, And) else (query,)
    found = [one for part in parts if (one := _read_filter(part, written)) is not None]
    return sorted(found, key=lambda one: FILTER_FIELDS.index(one.field))


def remove_filter(typed: str, part: Query) -> str:
    """Return a query without one of its filters; an empty text if nothing is left to look for.

    Args:
        typed: A query as somebody typed it.
        part: The filter's.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    parts = query.parts if isinstance(query, And) else (query,)
    left = tuple(one for one in parts if one != part)
    if not left:
        return ""
    wanted = format_canonical(left[0] if len(left) == 1 else And(left))
    for shorter in _iter_cut(typed, part):
        remaining = parse_or_none(shorter)
        if remaining is not None and format_canonical(remaining) == wanted:
            return shorter
    return wanted if parse_or_none(wanted) is not None else ""


def remove_filters(typed: str) -> str:
    """Return a query without all of its filters; an empty text if nothing is left to look for.

    Raises:
        QueryError: ``typed`` is no query.
    """
    for one in list_filters(typed):
        if not typed:
            break
        typed = remove_filter(typed, one.part)
    return typed


def parse_or_none(typed: str) -> Query | None:
    """Return the query that ``typed`` means; None if it is refused."""
    try:
        return parse_query(typed)
    except QueryError:
        return None


def _write_part(query: Query) -> str:
    form = format_canonical(query)
    return f"({form})" if isinstance(query, Or) else form


def _read_filter(part: Query, written: dict[str, str]) -> Filter | None:
    """Return the filter that a part of a query is; None if it is none."""
    leaves = part.parts if isinstance(part, Or) else (part,)
    values, fields = [], set()
    for leaf in leaves:
        if not isinstance(leaf, Leaf) or isinstance(leaf, Near):
            return None
        form = format_canonical(leaf)
        fields.add(leaf.field)
        values.append(written.get(form) or form.partition(":")[2].strip('"'))
    field = fields.pop()
    return Filter(field, tuple(values), part) if not fields and field in FILTER_FIELDS else None


def _iter_terms(typed: str) -> Iterator[tuple[Query, str]]:
    """Generate the fields of a typed query that are queries alone, and their values as typed."""
    for term in _TERM.finditer(typed):
        query = parse_or_none(term[0])
        if query is not None:
            yield query, term[2].strip('"')


def _iter_cut(typed: str, part: Query) -> Iterator[str]:
    """Generate the ways to cut a filter out of a typed query; some mean something else."""
    for term in _TERM.finditer(typed):
        if parse_or_none(term[0]) == part:
            before, after = typed[: term.start()].rstrip(), typed[term.end() :].lstrip()
            shorter = f"{before} {after}".strip()
            if shorter.startswith("(") and shorter.endswith(")"):
                yield shorter[1:-1].strip()
            yield shorter
