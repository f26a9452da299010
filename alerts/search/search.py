"""The archive searched with a query.

The database's index of words says which questions may match, and the matcher decides; it is not
asked where there is nothing left to decide (see :class:`alerts.queries.index_terms.Asked`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.ledger import changes, questions
from alerts.ledger import word_index as words
from alerts.ledger.word_index import Dated
from alerts.matching.decide import Told, decide, names_change
from alerts.matching.matcher import BATCH, Matcher, compiled
from alerts.queries.fields import fields, news
from alerts.queries.index_terms import TOO_MANY, Either, Need, ask
from alerts.queries.parse import Query, canonical

#: Questions that are decided between two looks at the time.
_AT_ONCE = 20
#: The newest candidates, where no more are wanted by name; there is no time for all.
_LOOKED_AT = 1000


class Found(NamedTuple):
    """What a search found."""

    days: Mapping[date, float]  #: how many questions of each day
    newest: list[Dated]  #: the newest of them
    is_estimate: bool = False  #: older days were counted by their words alone, and cut down alike

    @property
    def total(self) -> int:
        """How many questions match."""
        return round(sum(self.days.values()))


class Budget:
    """The time that may be spent on deciding; ``ticks`` tells the time in seconds."""

    def __init__(self, seconds: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks, self._end = ticks, ticks() + seconds

    def is_spent(self) -> bool:
        """Whether it is time to come to an end."""
        return self._ticks() > self._end


def search(
    connection: Connection, query: Query, newest: int, budget: Budget | None = None
) -> Found:
    """All questions of the archive that match ``query``: counted, and the ``newest`` named.

    The words must have been written (:func:`alerts.search.index.write_words`). Where deciding takes
    more than ``budget``, the newest are decided and the rest is estimated from them.
    """
    asked = ask(query)
    if not asked.exact:
        need = Either((asked.need, TOO_MANY)) if asked.need else None
        if budget is None:
            found = list(_decided(connection, query, words.having(connection, need)))
            return Found(_days(found), found[:newest])
        return _within(connection, query, need, newest, budget)
    more = list(_decided(connection, query, words.having(connection, TOO_MANY)))
    days = Counter(words.days(connection, asked.need)) + Counter(_days(more))
    found = sorted(
        [*words.having(connection, asked.need, newest), *more],
        key=lambda one: (one.dated, one.question_id),
        reverse=True,
    )
    return Found(dict(days), found[:newest])


#: So many changes are decided for a feed of fifty, where the words alone do not say.
_DECIDED = 400


def search_changes(
    connection: Connection, query: Query, limit: int, kinds: Sequence[str] = ()
) -> list[int]:
    """Numbers of the newest changes that match ``query`` and that feeds show, newest first.

    Where it is to be decided, of the newest candidates alone.
    """
    asked = ask(query)
    need = asked.need
    if need is not None:
        need = Either((need, TOO_MANY))
    numbers = words.changes_having(connection, need, _DECIDED, kinds)
    found = changes.get(connection, numbers)
    matcher = Matcher([compiled({0: canonical(query)})])
    matched: list[int] = []
    for start in range(0, len(numbers), limit):
        some = numbers[start : start + limit]
        texts = [fields(found[n].change.after, [found[n].change.kind]) for n in some]
        matched += [some[place] for place in sorted(matcher.match(texts).records.tolist())]
        if len(matched) >= limit:
            break
    return matched[:limit]


def told(connection: Connection, ids: Sequence[str], *, by_change: bool) -> list[Told]:
    """Questions in the order of their ids, with what has happened to them."""
    records = {record.id: record for record in questions.all_of(connection, ids)}
    kinds = changes.kinds(connection, ids) if by_change else {}
    return [Told(records[i], kinds.get(i) or news(records[i])) for i in ids]


def _within(
    connection: Connection, query: Query, need: Need | None, newest: int, budget: Budget
) -> Found:
    """What is found in the time there is; the days of the rest by the share that matched."""
    most = _LOOKED_AT if newest < _LOOKED_AT else None
    candidates = words.having(connection, need, most)
    found: list[Dated] = []
    looked_at = 0
    while looked_at < len(candidates) and not (looked_at and budget.is_spent()):
        found += _decided(connection, query, candidates[looked_at : looked_at + _AT_ONCE])
        looked_at = min(len(candidates), looked_at + _AT_ONCE)
    sure = _days(found)
    if looked_at == len(candidates) and (most is None or looked_at < most):
        return Found(sure, found[:newest])
    share = len(found) / looked_at
    days: dict[date, float] = dict(sure)
    rest = Counter(words.days(connection, need))
    rest.subtract(_days(candidates[:looked_at]))
    for day, number in rest.items():
        if number and share:
            days[day] = days.get(day, 0) + number * share
    return Found(days, found[:newest], is_estimate=True)


def _decided(connection: Connection, query: Query, candidates: Sequence[Dated]) -> Iterator[Dated]:
    """Those of the candidates that match."""
    if not candidates:
        return
    matcher = Matcher([compiled({0: canonical(query)})])
    by_change = names_change(query)
    for start in range(0, len(candidates), BATCH):
        some = candidates[start : start + BATCH]
        asked = told(connection, [one.question_id for one in some], by_change=by_change)
        for _, place in decide(matcher, asked, by_change=by_change):
            yield some[place]


def _days(found: Sequence[Dated]) -> dict[date, int]:
    return dict(Counter(one.dated for one in found))
