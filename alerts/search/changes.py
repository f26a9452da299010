"""The newest changes that match a query, for the feed of a query that somebody typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import changes, word_index
from alerts.matching import Matcher
from alerts.model import NumberedChange
from alerts.queries import Query, extract_fields, format_canonical, index_terms
from alerts.search.search import TimeBudget

#: Changes that are read and decided at once.
_BATCH = 100


class ChangeResults(NamedTuple):
    """The changes that a query matches."""

    numbers: list[int]  #: of the newest, newest first
    is_complete: bool  #: whether there was time to look for as many as were asked for


def search_changes(
    connection: Connection,
    query: Query,
    limit: int,
    change_kinds: Sequence[str] = (),
    budget: TimeBudget | None = None,
) -> ChangeResults:
    """Return the newest changes in feeds that match ``query``.

    Args:
        connection: The ledger.
        query: A query in normal form.
        limit: How many changes to return at most.
        change_kinds: Kinds of changes to return; empty for all.
        budget: The time after which no older changes are looked at; None to look at all.
    """
    condition = index_terms.build_index_query(query).condition
    if condition is not None:
        condition = index_terms.AnyOf((condition, index_terms.OVERSIZE_KEY))
    matcher = Matcher({0: format_canonical(query)})
    matched: list[int] = []
    before: int | None = None
    while before is None or not (budget and budget.is_spent()):
        numbers = word_index.list_changes(connection, condition, _BATCH, change_kinds, before)
        matched += _decide(matcher, changes.list_by_seqs(connection, numbers))
        if len(matched) >= limit or len(numbers) < _BATCH:
            return ChangeResults(matched[:limit], is_complete=True)
        before = numbers[-1]
    return ChangeResults(matched, is_complete=False)


def _decide(matcher: Matcher, found: Sequence[NumberedChange]) -> list[int]:
    if not found:
        return []
    texts = [extract_fields(each.change.after, [each.change.kind]) for each in found]
    return [found[place].seq for place in sorted(matcher.match(texts).records.tolist())]
