"""The archive searched with a query.

The database's index of words says which questions may match, and the matcher decides; it is not
asked where there is nothing left to decide (see :class:`alerts.queries.index_terms.IndexQuery`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import changes, questions, word_index
from alerts.ledger.word_index import DatedQuestion
from alerts.matching import BATCH_SIZE, Matcher, QuestionChanges, find_matching_questions
from alerts.queries import Query, extract_fields, format_canonical, infer_changes, uses_field
from alerts.queries.index_terms import OVERSIZE_KEY, AnyOf, IndexCondition, build_index_query

#: Questions that are decided between two looks at the time.
_DECISION_BATCH = 20
#: The newest candidates, where no more are wanted by name; there is no time for all.
_MAX_CANDIDATES = 1000


class SearchResults(NamedTuple):
    """What a search found."""

    counts_by_day: Mapping[date, float]  #: how many questions of each day
    newest: list[DatedQuestion]  #: the newest of them
    is_estimate: bool = False  #: older days were counted by their words alone, and cut down alike

    @property
    def total(self) -> int:
        """How many questions match."""
        return round(sum(self.counts_by_day.values()))


class TimeBudget:
    """The time that may be spent on deciding; ``ticks`` tells the time in seconds."""

    def __init__(self, seconds: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks, self._end = ticks, ticks() + seconds

    def is_spent(self) -> bool:
        """Whether it is time to come to an end."""
        return self._ticks() > self._end


def search_questions(
    connection: Connection, query: Query, limit: int, budget: TimeBudget | None = None
) -> SearchResults:
    """All questions of the archive that match ``query``: counted, and the ``limit`` named.

    The words must have been written (:func:`alerts.search.index.index_questions`). Where deciding
    takes
    more than ``budget``, the newest are decided and the rest is estimated from them.
    """
    asked = build_index_query(query)
    if not asked.is_exact:
        need = AnyOf((asked.condition, OVERSIZE_KEY)) if asked.condition else None
        if budget is None:
            found = list(
                _filter_matches(connection, query, word_index.find_questions(connection, need))
            )
            return SearchResults(_count_by_day(found), found[:limit])
        return _search_within_budget(connection, query, need, limit, budget)
    more = list(
        _filter_matches(connection, query, word_index.find_questions(connection, OVERSIZE_KEY))
    )
    days = Counter(word_index.count_by_day(connection, asked.condition)) + Counter(
        _count_by_day(more)
    )
    found = sorted(
        [*word_index.find_questions(connection, asked.condition, limit), *more],
        key=lambda one: (one.dated, one.question_id),
        reverse=True,
    )
    return SearchResults(dict(days), found[:limit])


#: So many changes are decided for a feed of fifty, where the words alone do not say.
_MAX_CHANGE_CANDIDATES = 400


def search_changes(
    connection: Connection, query: Query, limit: int, change_kinds: Sequence[str] = ()
) -> list[int]:
    """Numbers of the newest changes that match ``query`` and that feeds show, newest first.

    Where it is to be decided, of the newest candidates alone.
    """
    asked = build_index_query(query)
    need = asked.condition
    if need is not None:
        need = AnyOf((need, OVERSIZE_KEY))
    numbers = word_index.list_changes(connection, need, _MAX_CHANGE_CANDIDATES, change_kinds)
    found = changes.get(connection, numbers)
    matcher = Matcher({0: format_canonical(query)})
    matched: list[int] = []
    for start in range(0, len(numbers), limit):
        some = numbers[start : start + limit]
        texts = [extract_fields(found[n].change.after, [found[n].change.kind]) for n in some]
        matched += [some[place] for place in sorted(matcher.match(texts).records.tolist())]
        if len(matched) >= limit:
            break
    return matched[:limit]


def load_question_changes(
    connection: Connection, ids: Sequence[str], *, by_change: bool
) -> list[QuestionChanges]:
    """Questions in the order of their ids, with what has happened to them."""
    records = {record.id: record for record in questions.load_records(connection, ids)}
    kinds = changes.list_kinds(connection, ids) if by_change else {}
    return [QuestionChanges(records[i], kinds.get(i) or infer_changes(records[i])) for i in ids]


def _search_within_budget(
    connection: Connection,
    query: Query,
    need: IndexCondition | None,
    newest: int,
    budget: TimeBudget,
) -> SearchResults:
    """What is found in the time there is; the days of the rest by the share that matched."""
    most = _MAX_CANDIDATES if newest < _MAX_CANDIDATES else None
    candidates = word_index.find_questions(connection, need, most)
    found: list[DatedQuestion] = []
    looked_at = 0
    while looked_at < len(candidates) and not (looked_at and budget.is_spent()):
        found += _filter_matches(
            connection, query, candidates[looked_at : looked_at + _DECISION_BATCH]
        )
        looked_at = min(len(candidates), looked_at + _DECISION_BATCH)
    sure = _count_by_day(found)
    if looked_at == len(candidates) and (most is None or looked_at < most):
        return SearchResults(sure, found[:newest])
    share = len(found) / looked_at
    days: dict[date, float] = dict(sure)
    rest = Counter(word_index.count_by_day(connection, need))
    rest.subtract(_count_by_day(candidates[:looked_at]))
    for day, number in rest.items():
        if number and share:
            days[day] = days.get(day, 0) + number * share
    return SearchResults(days, found[:newest], is_estimate=True)


def _filter_matches(
    connection: Connection, query: Query, candidates: Sequence[DatedQuestion]
) -> Iterator[DatedQuestion]:
    """Those of the candidates that match."""
    if not candidates:
        return
    matcher = Matcher({0: format_canonical(query)})
    by_change = uses_field(query, "change")
    for start in range(0, len(candidates), BATCH_SIZE):
        some = candidates[start : start + BATCH_SIZE]
        asked = load_question_changes(
            connection, [one.question_id for one in some], by_change=by_change
        )
        for _, place in find_matching_questions(matcher, asked, by_change=by_change):
            yield some[place]


def _count_by_day(found: Sequence[DatedQuestion]) -> dict[date, int]:
    return dict(Counter(one.dated for one in found))
