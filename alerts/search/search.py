"""Search in the archive with a query.

The database's index of words finds the questions that may match, and the matcher decides. Where the
index alone finds exactly the questions that match (:class:`alerts.queries.index_terms.IndexQuery`),
the matcher is not asked.

Deciding takes time, which a page does not have without end. A search that runs out of it says so
(:attr:`SearchResults.is_complete`), counts what it has decided, and names the position where it
goes on: no candidate is ever left out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import changes as recorded_changes
from alerts.ledger import facets, questions, word_index
from alerts.ledger.facets import ResultCounts
from alerts.ledger.word_index import DatedQuestion
from alerts.matching import BATCH_SIZE, Matcher, QuestionChanges, find_matching_questions
from alerts.queries import (
    Query,
    format_canonical,
    index_terms,
    infer_changes,
    uses_field,
)
from alerts.search.position import SearchPosition

#: Questions decided between two looks at the clock: the time for these is what a search can exceed
#: its budget by. One alone costs the matcher as much as ten together.
_DECISION_BATCH = 50
#: Candidates that are listed at once for a search with a time budget: 0.2 s to decide.
_CANDIDATE_BATCH = 1000


class SearchResults(NamedTuple):
    """What a search found."""

    #: Number of matching questions by their day. Those that had to be decided are counted from the
    #: position on where the search began.
    counts_by_day: Mapping[date, int]
    newest: list[DatedQuestion]  #: the newest matches from that position on, newest first
    results_before: int = 0  #: number of results before the position, where they are not counted
    next: SearchPosition | None = None  #: where the list goes on; None where nothing is left
    #: The day of the last candidate that was decided; None if all were. On later days all are.
    decided_to: date | None = None
    is_indexed: bool = True  #: whether the index has all questions of the archive
    #: The results by what they are filtered by; None if they were not asked for.
    counts: ResultCounts | None = None
    #: How many of :attr:`counts_by_day` are not answered.
    unanswered_by_day: Mapping[date, int] = MappingProxyType({})

    @property
    def is_complete(self) -> bool:
        """Whether :attr:`total` is all; if not, there are at least so many."""
        return self.decided_to is None and self.is_indexed

    def is_complete_after(self, day: date) -> bool:
        """Return whether all matching questions of later days than ``day`` are counted."""
        return self.is_indexed and (self.decided_to is None or self.decided_to <= day)

    @property
    def total(self) -> int:
        """How many questions match, of those that were decided."""
        return self.results_before + sum(self.counts_by_day.values())


class ResultCount(NamedTuple):
    """How many questions match a query."""

    questions: int
    is_complete: bool  #: whether these are all; if not, there are at least so many


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
    connection: Connection,
    query: Query,
    limit: int,
    budget: TimeBudget | None = None,
    after: SearchPosition | None = None,
    *,
    with_counts: bool = False,
) -> SearchResults:
    """Return the questions of the archive that match ``query``.

    All results are reached by calling again with ``after`` as the last call's ``next``. A page can
    have fewer results than ``limit``, or none, and still have a next one.

    Args:
        connection: The ledger.
        query: A query in normal form.
        limit: How many of the newest matches to name. All matches are counted.
        budget: The time after which the search stops; None to decide all candidates.
        after: Where to begin; None for the newest question.
        with_counts: Whether to count the results by what they are filtered by.
    """
    asked = index_terms.build_index_query(query)
    search = CandidateSearch(connection, query)
    if asked.is_exact:
        assert asked.condition is not None
        results = _search_index(search, asked.condition, limit, after, with_counts=with_counts)
    else:
        condition = include_oversize(asked.condition)
        results = _decide_results(search, condition, limit, budget, after, with_counts=with_counts)
    return results._replace(is_indexed=not word_index.has_unindexed(connection))


def count_results(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> ResultCount:
    """Return how many questions match ``query``; see :func:`search_questions`."""
    asked = index_terms.build_index_query(query)
    if not asked.is_exact:
        found = search_questions(connection, query, 0, budget)
        return ResultCount(found.total, found.is_complete)
    assert asked.condition is not None
    number = word_index.count_questions(connection, asked.condition)
    number += len(find_oversize(CandidateSearch(connection, query)))
    return ResultCount(number, not word_index.has_unindexed(connection))


def list_results(
    connection: Connection, query: Query, limit: int, after: SearchPosition | None = None
) -> tuple[list[DatedQuestion], SearchPosition | None]:
    """Return one page of results without counting the others, and where the next page begins.

    Unlike a page of :func:`search_questions` it is full unless it is the last. Use it to read all
    results page by page.

    Args:
        connection: The ledger.
        query: A query in normal form.
        limit: How many of the newest matches to return at most.
        after: Where to begin; None for the newest question.
    """
    asked = index_terms.build_index_query(query)
    search = CandidateSearch(connection, query)
    if asked.is_exact:
        assert asked.condition is not None
        found = list_index(search, asked.condition, limit + 1, after, find_oversize(search))
        return found[:limit], find_next(found, limit, after)
    found = []
    for batch in list_candidates(connection, include_oversize(asked.condition), after):
        found += search.decide(batch)
        if len(found) > limit:
            break
    return found[:limit], find_next(found, limit, after)


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
    kinds = recorded_changes.list_kinds(connection, ids) if by_change else {}
    return [QuestionChanges(each, kinds.get(each.id) or infer_changes(each)) for each in records]


class CandidateSearch:
    """Decides which candidates match one query."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self.connection = connection
        #: Of the candidates that were decided and match, those not answered.
        self.unanswered_by_day: Counter[date] = Counter()
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
                question = loaded[place].question
                found = batch[question.id]
                if question.status != "answered":
                    self.unanswered_by_day[found.day] += 1
                yield found


def include_oversize(
    condition: index_terms.IndexCondition | None,
) -> index_terms.IndexCondition | None:
    """Return the condition or the key of texts that were too long to be indexed by their words."""
    if condition is None:
        return None
    return index_terms.AnyOf((condition, index_terms.OVERSIZE_KEY))


def _search_index(
    search: CandidateSearch,
    condition: index_terms.IndexCondition,
    limit: int,
    after: SearchPosition | None,
    *,
    with_counts: bool,
) -> SearchResults:
    """Return what an exact condition finds, and decide only the oversize texts."""
    connection, oversize = search.connection, find_oversize(search)
    counts = None
    if with_counts:
        counts = facets.count_results(connection, condition)
        ids = [one.question_id for one in oversize]
        counts = counts.merge(facets.count_listed(connection, ids)) if ids else counts
        days, unanswered = counts.count_by_day(), counts.count_unanswered_by_day()
    else:
        days, unanswered = word_index.count_by_day(connection, condition)
        days.update(_count_by_day(oversize))
        unanswered.update(search.unanswered_by_day)
    newest = list_index(search, condition, limit + 1, after, oversize) if limit else []
    following = find_next(newest, limit, after)
    return SearchResults(
        dict(days), newest[:limit], next=following, counts=counts, unanswered_by_day=unanswered
    )


def find_oversize(search: CandidateSearch) -> list[DatedQuestion]:
    """Return the matches among the texts that were too long to be indexed by their words."""
    candidates = word_index.find_questions(search.connection, index_terms.OVERSIZE_KEY)
    return list(search.decide(candidates))


def list_index(
    search: CandidateSearch,
    condition: index_terms.IndexCondition,
    limit: int,
    after: SearchPosition | None,
    oversize: Sequence[DatedQuestion],
    *,
    oldest_first: bool = False,
) -> list[DatedQuestion]:
    """Return results of an exact condition and ``oversize`` ones after a position, in order."""
    last = after.last if after else None
    found = word_index.find_questions(
        search.connection, condition, limit, last, oldest_first=oldest_first
    )
    for one in oversize:
        if last is None or ((_sort_key(one) > _sort_key(last)) == oldest_first and one != last):
            found.append(one)
    return sorted(found, key=_sort_key, reverse=not oldest_first)[:limit]


def _sort_key(one: DatedQuestion) -> tuple[date, str]:
    """Return what results are sorted by, as the database does."""
    return one.day, one.question_id


def find_next(
    found: Sequence[DatedQuestion], limit: int, after: SearchPosition | None
) -> SearchPosition | None:
    """Return the position after the first ``limit`` of the results; None if these are all."""
    if not 0 < limit < len(found):
        return None
    before = after.results_before if after else 0
    return SearchPosition(found[limit - 1], before + limit)


def _decide_results(
    search: CandidateSearch,
    condition: index_terms.IndexCondition | None,
    limit: int,
    budget: TimeBudget | None,
    after: SearchPosition | None,
    *,
    with_counts: bool,
) -> SearchResults:
    """Return what can be decided in time, newest first, and where to go on."""
    found: list[DatedQuestion] = []
    last: DatedQuestion | None = None
    is_finished = True
    for batch in list_candidates(search.connection, condition, after, is_all=budget is None):
        if budget is not None and last is not None and budget.is_spent():
            is_finished = False
            break
        found += search.decide(batch)
        last = batch[-1]
    before = after.results_before if after else 0
    following = find_next(found, limit, after)
    if following is None and not is_finished and last is not None:
        following = SearchPosition(last, before + len(found))
    counts = None
    if with_counts:
        counts = facets.count_listed(search.connection, [one.question_id for one in found])
    return SearchResults(
        _count_by_day(found),
        found[:limit],
        results_before=before,
        next=following,
        decided_to=None if is_finished or last is None else last.day,
        counts=counts,
        unanswered_by_day=search.unanswered_by_day,
    )


def list_candidates(
    connection: Connection,
    condition: index_terms.IndexCondition | None,
    after: SearchPosition | None,
    *,
    is_all: bool = False,
    oldest_first: bool = False,
) -> Iterator[list[DatedQuestion]]:
    """Generate the candidates in batches; in large ones if all are decided."""
    maximum, size = (None, BATCH_SIZE) if is_all else (_CANDIDATE_BATCH, _DECISION_BATCH)
    last = after.last if after else None
    while True:
        listed = word_index.find_questions(
            connection, condition, maximum, last, oldest_first=oldest_first
        )
        yield from (listed[start : start + size] for start in range(0, len(listed), size))
        if maximum is None or len(listed) < maximum:
            return
        last = listed[-1]


def _count_by_day(found: Sequence[DatedQuestion]) -> dict[date, int]:
    return dict(Counter(one.day for one in found))
