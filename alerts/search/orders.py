"""Results in another order than the newest first: most relevant, or longest without an answer.

The orders are made of conditions of the index, so that a page costs what it shows, and a position
in a list means the same however many questions arrive.

The most relevant are, in this order, those with all words of the query in the title, those with the
words side by side, those with some of the words in the title, and the others; in each group the
newest is first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

from alerts.ledger.word_index import DatedQuestion
from alerts.queries import (
    Query,
    ast,
    format_canonical,
    index_terms,
    list_wanted_leaves,
    parse_canonical,
    replace_wanted_leaves,
)
from alerts.search.position import SearchPosition
from alerts.search.search import (
    CandidateSearch,
    TimeBudget,
    find_oversize,
    include_oversize,
    list_candidates,
    list_index,
)

SortOrder: TypeAlias = Literal["newest", "relevant", "waiting"]

#: Words of a query of which it is found where they are side by side: 3 have 6 orders.
_MAX_NEIGHBOURS = 3


class SortedResults(NamedTuple):
    """One page of results in some order."""

    listed: list[DatedQuestion]
    next: SearchPosition | None  #: None on the last page
    is_finished: bool = True  #: False if the time was over before the page was full


class _Group(NamedTuple):
    """The results of one condition, in order of their day."""

    condition: index_terms.IndexCondition | None
    has_oversize: bool = True  #: whether texts that are too long to be indexed belong to it
    oldest_first: bool = False


def can_be_ranked(query: Query) -> bool:
    """Return whether some results of a query can be more relevant than others."""
    return bool(_list_words(query))


def list_sorted(
    connection: Connection,
    query: Query,
    order: SortOrder,
    limit: int,
    budget: TimeBudget | None = None,
    after: SearchPosition | None = None,
) -> SortedResults:
    """Return one page of results in some order.

    Args:
        connection: The ledger.
        query: A query in normal form.
        order: The results of "waiting" are those without an answer.
        limit: How many results a page has at most.
        budget: The time after which no more candidates are decided; None for no limit.
        after: Where the page begins; None for the first.
    """
    if order == "waiting":
        query = _narrow_to_waiting(query)
    asked = index_terms.build_index_query(query)
    groups = _rank(query, asked.condition) if order == "relevant" else []
    groups = groups or [_Group(asked.condition, oldest_first=order == "waiting")]
    lister = _Lister(CandidateSearch(connection, query), groups, is_exact=asked.is_exact)
    return lister.list_page(limit, budget, after)


def _narrow_to_waiting(query: Query) -> Query:
    states = [ast.Word((state,), "exact", "status") for state in ("holding", "unanswered")]
    return parse_canonical(format_canonical(ast.And((query, ast.Or(tuple(states))))))


class _Lister:
    """Lists the results of groups, one group after the other."""

    def __init__(
        self, search: CandidateSearch, groups: Sequence[_Group], *, is_exact: bool
    ) -> None:
        self._search, self._groups, self._is_exact = search, groups, is_exact

    def list_page(
        self, limit: int, budget: TimeBudget | None, after: SearchPosition | None
    ) -> SortedResults:
        """Return the page that begins at a position."""
        start = min(after.group, len(self._groups) - 1) if after else 0
        before = after.results_before if after else 0
        found: list[tuple[int, DatedQuestion]] = []
        for place in range(start, len(self._groups)):
            last = after.last if after and place == start else None
            wanted = limit + 1 - len(found)
            listed, stopped = self._list_group(self._groups[place], wanted, budget, last)
            found += [(place, one) for one in listed]
            if stopped is not None and len(found) <= limit:
                number = before + len(found)
                following = SearchPosition(stopped, number, place)
                return SortedResults([one for _, one in found], following, is_finished=False)
            if len(found) > limit:
                following = SearchPosition(found[limit - 1][1], before + limit, found[limit - 1][0])
                return SortedResults([one for _, one in found[:limit]], following)
        return SortedResults([one for _, one in found], None)

    def _list_group(
        self, group: _Group, limit: int, budget: TimeBudget | None, last: DatedQuestion | None
    ) -> tuple[list[DatedQuestion], DatedQuestion | None]:
        """Return results of a group, and where the time was over; None if it was not."""
        after = SearchPosition(last, 0) if last else None
        if self._is_exact:
            assert group.condition is not None
            oversize = find_oversize(self._search) if group.has_oversize else []
            return list_index(
                self._search,
                group.condition,
                limit,
                after,
                oversize,
                oldest_first=group.oldest_first,
            ), None
        condition = include_oversize(group.condition) if group.has_oversize else group.condition
        found: list[DatedQuestion] = []
        decided: DatedQuestion | None = None
        for batch in list_candidates(
            self._search.connection, condition, after, oldest_first=group.oldest_first
        ):
            if budget is not None and decided is not None and budget.is_spent():
                return found, decided
            found += self._search.decide(batch)
            if len(found) >= limit:
                break
            decided = batch[-1]
        return found[:limit], None


def _rank(query: Query, condition: index_terms.IndexCondition | None) -> list[_Group]:
    """Return the groups of a query's results, the most relevant first; nothing without groups."""
    words = _list_words(query)
    if condition is None or not words:
        return []
    in_title = [_restrict(leaf) for leaf in words]
    all_in_title = index_terms.build_index_query(replace_wanted_leaves(query, _restrict)).condition
    some_in_title = [index_terms.build_index_query(leaf).condition for leaf in in_title]
    ranks = [all_in_title, _build_neighbours(query), _any_of(some_in_title)]
    groups, rest = [], condition
    for rank in dict.fromkeys(rank for rank in ranks if rank is not None):
        groups.append(_Group(index_terms.AllOf((rest, rank)), has_oversize=False))
        rest = index_terms.AndNot(rest, rank)
    return [*groups, _Group(rest)]


def _list_words(query: Query) -> list[ast.Leaf]:
    return [leaf for leaf in list_wanted_leaves(query) if leaf.field is None]


def _restrict(leaf: ast.Leaf) -> ast.Leaf:
    """Return a leaf in the title, if it names no field."""
    return leaf if leaf.field else msgspec.structs.replace(leaf, field="title")


def _build_neighbours(query: Query) -> index_terms.IndexCondition | None:
    """Return the condition that the words of a query follow each other, in any order."""
    words = _list_words(query)
    if not isinstance(query, ast.And) or not 1 < len(words) <= _MAX_NEIGHBOURS:
        return None
    plain = [one for one in words if isinstance(one, ast.Word) and len(one.tokens) == 1]
    if len(plain) < len(words) or any(word not in query.parts for word in words):
        return None
    return _any_of(
        [
            index_terms.AllOf(tuple(_join(first, second) for first, second in pairwise(order)))
            for order in permutations(plain)
        ]
    )


def _join(first: ast.Word, second: ast.Word) -> index_terms.IndexCondition:
    condition = index_terms.build_index_query(
        ast.Phrase((ast.Word(first.tokens, "exact"), ast.Word(second.tokens, second.mode)))
    ).condition
    assert condition is not None
    return condition


def _any_of(
    conditions: Sequence[index_terms.IndexCondition | None],
) -> index_terms.IndexCondition | None:
    known = tuple(one for one in conditions if one is not None)
    return index_terms.AnyOf(known) if known else None
