"""The disjunctive normal form: a query as clauses, one of which must hold. Pure.

The bulk matcher and the database's index cannot express everything. A prefix behind a hyphen
(``anti-soc*``), and a query of more than :data:`MAX_CLAUSES` clauses, are given as clauses that
match more; :func:`alerts.queries.find.find_match` then decides in the few texts that are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, product
from typing import NamedTuple, TypeAlias

import msgspec

from alerts.queries.ast import And, Leaf, Near, Not, Or, Query, Word
from alerts.queries.visitor import QueryVisitor
from alerts.text import can_close_up

#: A leaf, and whether it must be in the text (True) or must not be in it (False).
Literal: TypeAlias = tuple[Leaf, bool]
#: Literals that must all hold.
Clause: TypeAlias = tuple[Literal, ...]

#: Clauses of one query: six brackets of two choices make 2 ** 6 = 64. Beyond that it costs less to
#: decide in the texts than to keep the clauses, whose number would double with each bracket.
MAX_CLAUSES = 64


class DisjunctiveForm(NamedTuple):
    """A query in disjunctive normal form."""

    clauses: list[Clause]  #: each has a leaf that must be there, because every accepted query has
    is_exact: bool  #: False if the clauses match more than the query does


def build_clauses(query: Query) -> DisjunctiveForm:
    """Return ``query`` as clauses.

    Args:
        query: A query in normal form (NOT on leaves only).
    """
    return _CLAUSES.visit(query)


class _ClauseVisitor(QueryVisitor[DisjunctiveForm]):
    def visit_leaf(self, leaf: Leaf) -> DisjunctiveForm:
        if has_hyphenated_prefix(leaf):
            return _split_hyphenated_prefix(leaf)
        return DisjunctiveForm([((leaf, True),)], is_exact=True)

    def visit_not(self, query: Not, part: DisjunctiveForm) -> DisjunctiveForm:
        assert isinstance(query.part, Leaf)
        if not part.is_exact:  # the opposite of "matches more" would match less: require nothing
            return DisjunctiveForm([()], is_exact=False)
        return DisjunctiveForm([((query.part, False),)], is_exact=True)

    def visit_or(self, query: Or, parts: list[DisjunctiveForm]) -> DisjunctiveForm:
        clauses = chain.from_iterable(part.clauses for part in parts)
        return DisjunctiveForm(list(clauses), all(part.is_exact for part in parts))

    def visit_and(self, query: And, parts: list[DisjunctiveForm]) -> DisjunctiveForm:
        return _combine(parts)


_CLAUSES = _ClauseVisitor()


def _combine(parts: list[DisjunctiveForm]) -> DisjunctiveForm:
    """Return each clause of one part with each of the others.

    Parts that would lead to more than :data:`MAX_CLAUSES` are left out, which makes the form
    inexact.
    """
    combined: list[Clause] = [()]
    is_exact = True
    for part in sorted(parts, key=lambda part: (_is_negative(part), len(part.clauses))):
        if len(combined) * len(part.clauses) > MAX_CLAUSES and any(combined):
            is_exact = False
            continue
        combined = [(*clause, *other) for clause, other in product(combined, part.clauses)]
        is_exact = is_exact and part.is_exact
    return DisjunctiveForm(combined, is_exact)


def _is_negative(part: DisjunctiveForm) -> bool:
    return not any(is_wanted for clause in part.clauses for _, is_wanted in clause)


def _split_hyphenated_prefix(leaf: Leaf) -> DisjunctiveForm:
    """Return the clauses of a leaf with a prefix behind a hyphen: its words, anywhere."""
    if isinstance(leaf, Near):
        parts = (msgspec.structs.replace(part, field=leaf.field) for part in leaf.parts)
        return DisjunctiveForm(
            _combine([build_clauses(part) for part in parts]).clauses, is_exact=False
        )
    assert isinstance(leaf, Word)
    clauses: list[Clause] = []
    for *before, last in generate_spellings((leaf,)):
        words = [Word((text,), "exact", leaf.field) for text in before]
        clauses.append(tuple((w, True) for w in (*words, Word((last,), "prefix", leaf.field))))
    return DisjunctiveForm(clauses, is_exact=False)


def has_hyphenated_prefix(leaf: Leaf) -> bool:
    """Return whether a leaf is, or contains, a prefix behind a hyphen."""
    if isinstance(leaf, Near):
        return any(map(has_hyphenated_prefix, leaf.parts))
    return isinstance(leaf, Word) and leaf.mode == "prefix" and len(leaf.tokens) > 1


def generate_spellings(words: tuple[Word, ...]) -> Iterator[tuple[str, ...]]:
    """Generate all ways to write words with hyphens: each hyphen as a space or as nothing.

    ``anti-social`` is ``("anti", "social")`` and ``("antisocial",)``. ``1-6`` is ``("1", "6")``.
    """
    for choice in product(*(list(_generate_joins(word.tokens)) for word in words)):
        yield tuple(chain.from_iterable(choice))


def _generate_joins(tokens: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not tokens:
        yield ()
    for size in range(1, len(tokens) + 1):
        if size > 1 and not can_close_up(tokens[size - 2], tokens[size - 1]):
            break
        for rest in _generate_joins(tokens[size:]):
            yield ("".join(tokens[:size]), *rest)
