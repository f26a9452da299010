"""Walks over query trees. Pure.

Everything that has to look at all parts of a query does it through this module: the canonical form,
the normal form, matching, explanations and suggestions. A computation from the leaves to the root
is a :class:`QueryVisitor`; a question about the leaves alone is a loop over :func:`list_leaves` or
:func:`iter_words`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from alerts.queries.ast import And, Leaf, Near, Not, Or, Phrase, Query, Word

T = TypeVar("T")


class QueryVisitor(Generic[T]):
    """A computation over a query tree: each node's result is made from those of its parts.

    Subclasses override :meth:`visit_not`, :meth:`visit_and` and :meth:`visit_or`, and for the
    leaves either :meth:`visit_leaf` or the three methods that call it.
    """

    def visit(self, query: Query) -> T:
        """Return the result for ``query``."""
        match query:
            case Word():
                return self.visit_word(query)
            case Phrase():
                return self.visit_phrase(query)
            case Near():
                return self.visit_near(query)
            case Not(part):
                return self.visit_not(query, self.visit(part))
            case And(parts):
                return self.visit_and(query, [self.visit(part) for part in parts])
            case Or(parts):
                return self.visit_or(query, [self.visit(part) for part in parts])

    def visit_word(self, word: Word) -> T:
        """Return the result for a word."""
        return self.visit_leaf(word)

    def visit_phrase(self, phrase: Phrase) -> T:
        """Return the result for a phrase."""
        return self.visit_leaf(phrase)

    def visit_near(self, near: Near) -> T:
        """Return the result for a NEAR; its parts are visited only if this method visits them."""
        return self.visit_leaf(near)

    def visit_leaf(self, leaf: Leaf) -> T:
        """Return the result for a leaf of any kind."""
        raise NotImplementedError

    def visit_not(self, query: Not, part: T) -> T:
        """Return the result for NOT, given that of its part."""
        raise NotImplementedError

    def visit_and(self, query: And, parts: list[T]) -> T:
        """Return the result for AND, given those of its parts."""
        raise NotImplementedError

    def visit_or(self, query: Or, parts: list[T]) -> T:
        """Return the result for OR, given those of its parts."""
        raise NotImplementedError


class _LeafLister(QueryVisitor[list[tuple[Leaf, bool]]]):
    def visit_leaf(self, leaf: Leaf) -> list[tuple[Leaf, bool]]:
        return [(leaf, True)]

    def visit_not(self, query: Not, part: list[tuple[Leaf, bool]]) -> list[tuple[Leaf, bool]]:
        return [(leaf, not is_wanted) for leaf, is_wanted in part]

    def visit_and(
        self, query: And, parts: list[list[tuple[Leaf, bool]]]
    ) -> list[tuple[Leaf, bool]]:
        return [found for part in parts for found in part]

    def visit_or(self, query: Or, parts: list[list[tuple[Leaf, bool]]]) -> list[tuple[Leaf, bool]]:
        return [found for part in parts for found in part]


class _WantedLeafReplacer(QueryVisitor[Query]):
    def __init__(self, replace: Callable[[Leaf], Query]) -> None:
        self._replace = replace

    def visit_leaf(self, leaf: Leaf) -> Query:
        return self._replace(leaf)

    def visit_not(self, query: Not, part: Query) -> Query:
        return query

    def visit_and(self, query: And, parts: list[Query]) -> Query:
        return And(tuple(parts))

    def visit_or(self, query: Or, parts: list[Query]) -> Query:
        return Or(tuple(parts))


def list_leaves(query: Query) -> Sequence[tuple[Leaf, bool]]:
    """Return the leaves from left to right, each with whether it is wanted.

    A leaf below an odd number of NOTs is not wanted.
    """
    return _LeafLister().visit(query)


def list_wanted_leaves(query: Query) -> Sequence[Leaf]:
    """Return the leaves that are below no NOT, or below an even number of them."""
    return [leaf for leaf, is_wanted in list_leaves(query) if is_wanted]


def iter_words(leaf: Leaf) -> Iterator[Word]:
    """Iterate over the words of a leaf; those of phrases and NEARs have no field of their own."""
    match leaf:
        case Word():
            yield leaf
        case Phrase(words):
            yield from words
        case Near(parts):
            for part in parts:
                yield from iter_words(part)


def replace_wanted_leaves(query: Query, replace: Callable[[Leaf], Query]) -> Query:
    """Return ``query`` with each leaf that is below no NOT replaced by ``replace(leaf)``."""
    return _WantedLeafReplacer(replace).visit(query)


def uses_field(query: Query, field: str) -> bool:
    """Return whether any leaf of ``query`` names ``field``."""
    return any(leaf.field == field for leaf, _ in list_leaves(query))
