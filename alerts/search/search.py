"""Search in the archive with a query.

The database's index of words finds the questions that may match, and the matcher decides. Where the
index alone finds exactly the questions that match (:class:`alerts.queries.index_terms.IndexQuery`),
the matcher is not asked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import changes, questions, word_index
from alerts.ledger.word_index import DatedQuestion
from alerts.matching import BATCH_SIZE, Matcher, QuestionChanges, find_matching_questions
from alerts.queries import (
    Query,
    extract_fields,
    format_canonical,
    index_terms,
    infer_changes,
    uses_field,
)

#: Questions decided between two looks at the clock: the time for these is what a search can exceed
#: its budget by.
_DECISION_BATCH = 20
#: Candidates that are listed for a search with a time budget, newest first, unless more results
#: than this are asked for. It is more than can be decided in any budget in use (40 ms).
_MAX_CANDIDATES = 1000
#: Candidates that are decided for a feed, newest first: eight times the 50 items of a feed.
_MAX_CHANGE_CANDIDATES = 400


class SearchResults(NamedTuple):
    """What a search found."""

    counts_by_day: Mapping[date, float]  #: number of matching questions by their day
    newest: list[DatedQuestion]  #: the newest matches, newest first
    #: Whether time ran out: older candidates count at the rate at which newer ones match.
    is_estimate: bool = False

    @property
    def total(self) -> int:
        """How many questions match."""
        return round(sum(self.counts_by_day.values()))


class TimeBudget:
    """The time that a search may spend on deciding candidates.

    Args:
        seconds: From now on, such as 0.04.
        ticks: A clock in seconds.
    """

    def __init__(self, seconds: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks, self._end = ticks, ticks() + seconds

    def is_spent(self) -> bool:
        """Return whether the time is over."""
        return self._ticks() > self._end


def search_questions(
    connection: Connection, query: Query, limit: int, budget: TimeBudget | None = None
) -> SearchResults:
    """Return the questions of the archive that match ``query``.

    New questions must have been indexed (:func:`alerts.search.index_questions`).

    Args:
        connection: The ledger.
        query: A query in normal form.
        limit: How many of the newest matches to name. All matches are counted.
        budget: The time after which the rest is estimated; None to decide all candidates.
    """
    asked = index_terms.build_index_query(query)
    search = _Search(connection, query)
    if asked.is_exact:
        assert asked.condition is not None
        return _search_index(search, asked.condition, limit)
    condition = _include_oversize(asked.condition)
    if budget is not None:
        return _search_within_budget(search, condition, limit, budget)
    found = list(search.decide(word_index.find_questions(connection, condition)))
    return SearchResults(_count_by_day(found), found[:limit])


def search_changes(
    connection: Connection, query: Query, limit: int, change_kinds: Sequence[str] = ()
) -> list[int]:
    """Return the numbers of the newest changes in feeds that match ``query``, newest first.

    Only the newest :data:`_MAX_CHANGE_CANDIDATES` candidates are looked at.

    Args:
        connection: The ledger.
        query: A query in normal form.
        limit: How many changes to return at most.
        change_kinds: Kinds of changes to return; empty for all.
    """
    condition = _include_oversize(index_terms.build_index_query(query).condition)
    numbers = word_index.list_changes(connection, condition, _MAX_CHANGE_CANDIDATES, change_kinds)
    found = changes.list_by_seqs(connection, numbers)
    matcher = Matcher({0: format_canonical(query)})
    matched: list[int] = []
    for start in range(0, len(found), limit):
        batch = found[start : start + limit]
        texts = [extract_fields(each.change.after, [each.change.kind]) for each in batch]
        matched += [batch[place].seq for place in sorted(matcher.match(texts).records.tolist())]
        if len(matched) >= limit:
            break
    return matched[:limit]


def load_question_changes(
    connection: Connection, ids: Sequence[str], *, by_change: bool
) -> list[QuestionChanges]:
    """Return questions in the order of their ids, with the kinds of changes that they have had.

    Questions that cannot be read are left out.

    Args:
        connection: The ledger.
        ids: Ids of stored questions.
        by_change: Whether the changes matter; if not, they are inferred, which saves a look-up.
    """
    records = questions.list_records(connection, ids)
    kinds = changes.list_kinds(connection, ids) if by_change else {}
    return [QuestionChanges(each, kinds.get(each.id) or infer_changes(each)) for each in records]


class _Search:
    """Decides which candidates match one query."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self.connection = connection
        self._query = query
        self._by_change = uses_field(query, "change")

    @cached_property
    def _matcher(self) -> Matcher:
        """The query compiled; most searches need none, because the index decides."""
        return Matcher({0: format_canonical(self._query)})

    def decide(self, candidates: Sequence[DatedQuestion]) -> Iterator[DatedQuestion]:
        """Generate the candidates that match, in their order."""
        for start in range(0, len(candidates), BATCH_SIZE):
            batch = {one.question_id: one for one in candidates[start : start + BATCH_SIZE]}
            loaded = load_question_changes(self.connection, list(batch), by_change=self._by_change)
            for _, place in find_matching_questions(
                self._matcher, loaded, by_change=self._by_change
            ):
                yield batch[loaded[place].question.id]


def _include_oversize(
    condition: index_terms.IndexCondition | None,
) -> index_terms.IndexCondition | None:
    """Return the condition or the key of texts that were too long to be indexed by their words."""
    if condition is None:
        return None
    return index_terms.AnyOf((condition, index_terms.OVERSIZE_KEY))


def _search_index(
    search: _Search, condition: index_terms.IndexCondition, limit: int
) -> SearchResults:
    """Return what an exact condition finds, and decide only the oversize texts."""
    connection = search.connection
    oversize = list(search.decide(word_index.find_questions(connection, index_terms.OVERSIZE_KEY)))
    days = Counter(word_index.count_by_day(connection, condition))
    days.update(_count_by_day(oversize))
    newest = sorted(
        [*word_index.find_questions(connection, condition, limit), *oversize],
        key=lambda one: (one.day, one.question_id),
        reverse=True,
    )
    return SearchResults(dict(days), newest[:limit])


def _search_within_budget(
    search: _Search, condition: index_terms.IndexCondition | None, limit: int, budget: TimeBudget
) -> SearchResults:
    """Return what can be decided in time, newest first, and estimate the rest."""
    maximum = _MAX_CANDIDATES if limit < _MAX_CANDIDATES else None
    candidates = word_index.find_questions(search.connection, condition, maximum)
    found: list[DatedQuestion] = []
    decided = 0
    while decided < len(candidates) and not (decided and budget.is_spent()):
        found += search.decide(candidates[decided : decided + _DECISION_BATCH])
        decided = min(len(candidates), decided + _DECISION_BATCH)
    if decided == len(candidates) and (maximum is None or decided < maximum):
        return SearchResults(_count_by_day(found), found[:limit])
    rest = Counter(word_index.count_by_day(search.connection, condition))
    rest.subtract(_count_by_day(candidates[:decided]))
    days = _add_estimate(_count_by_day(found), rest, share=len(found) / decided)
    return SearchResults(days, found[:limit], is_estimate=True)


def _add_estimate(
    counts: Mapping[date, int], undecided: Mapping[date, int], share: float
) -> dict[date, float]:
    """Return counts by day, with the share of the undecided candidates that is likely to match."""
    days: dict[date, float] = dict(counts)
    for day, number in undecided.items():
        if number and share:
            days[day] = days.get(day, 0) + number * share
    return days


def _count_by_day(found: Sequence[DatedQuestion]) -> dict[date, int]:
    return dict(Counter(one.day for one in found))
