"""Queries as clauses: some of them, of which all parts must be (or not be) there. Pure.

What the arrays of :mod:`alerts.matching.compile` cannot say is said a little too widely and
decided by
:func:`alerts.queries.find.find_match` in the few texts that are left: a prefix behind a hyphen,
and what
would fall into too many clauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, product
from typing import NamedTuple, TypeAlias

import msgspec

from alerts.queries.ast import And, Near, Not, Or, Phrase, Query, Word

#: What is looked for as one thing.
Leaf: TypeAlias = Word | Phrase | Near
#: A leaf, and whether it must be there.
Literal: TypeAlias = tuple[Leaf, bool]
Clause: TypeAlias = tuple[Literal, ...]

#: A query that would have more is said more widely.
MAX_CLAUSES = 64


class DisjunctiveForm(NamedTuple):
    """A query in disjunctive normal form."""

    clauses: list[Clause]  #: each has a leaf that must be there
    is_exact: bool  #: False when texts that match have to be asked again


def build_clauses(query: Query) -> DisjunctiveForm:
    """``query`` (in normal form) as clauses."""
    match query:
        case Word() | Phrase() | Near():
            return _build_leaf(query)
        case Not(part):
            if has_hyphenated_prefix(part):
                return DisjunctiveForm(
                    [()], is_exact=False
                )  # nothing to ask for: the text itself is asked
            assert isinstance(part, Leaf)
            return DisjunctiveForm([((part, False),)], is_exact=True)
        case Or(parts):
            some = [build_clauses(part) for part in parts]
            return DisjunctiveForm(
                list(chain.from_iterable(one.clauses for one in some)),
                all(one.is_exact for one in some),
            )
        case And(parts):
            return _combine([build_clauses(part) for part in parts])


def _combine(parts: list[DisjunctiveForm]) -> DisjunctiveForm:
    """Each clause of one with each of the others; of too many, as many of the parts as can be."""
    found: list[Clause] = [()]
    exact = True
    for part in sorted(parts, key=lambda part: (_is_negative(part), len(part.clauses))):
        if len(found) * len(part.clauses) > MAX_CLAUSES and any(found):
            exact = False
            continue
        found = [(*one, *other) for one, other in product(found, part.clauses)]
        exact = exact and part.is_exact
    return DisjunctiveForm(found, exact)


def _is_negative(part: DisjunctiveForm) -> bool:
    return not any(wanted for clause in part.clauses for _, wanted in clause)


def _build_leaf(query: Leaf) -> DisjunctiveForm:
    if not has_hyphenated_prefix(query):
        return DisjunctiveForm([((query, True),)], is_exact=True)
    if not isinstance(query, Word):
        assert isinstance(query, Near)
        parts = (msgspec.structs.replace(part, field=query.field) for part in query.parts)
        return DisjunctiveForm(
            _combine([build_clauses(part) for part in parts]).clauses, is_exact=False
        )
    found: list[Clause] = []
    for *before, last in generate_spellings((query,)):
        words = [Word((text,), "exact", query.field) for text in before]
        found.append(tuple((w, True) for w in (*words, Word((last,), "prefix", query.field))))
    return DisjunctiveForm(found, is_exact=False)


def has_hyphenated_prefix(query: Query) -> bool:
    """Whether a leaf is, or has in it, a prefix behind a hyphen."""
    if isinstance(query, Near):
        return any(map(has_hyphenated_prefix, query.parts))
    return isinstance(query, Word) and query.mode == "prefix" and len(query.tokens) > 1


def generate_spellings(words: tuple[Word, ...]) -> Iterator[tuple[str, ...]]:
    """Every way to write words with hyphens: each hyphen parts two words or closes them up."""
    for choice in product(*(list(_generate_joins(word.tokens)) for word in words)):
        yield tuple(chain.from_iterable(choice))


def _generate_joins(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not tokens:
        yield ()
    for size in range(1, len(tokens) + 1):
        for rest in _generate_joins(tokens[size:]):
            yield ("".join(tokens[:size]), *rest)
