"""The archive searched with a query.

The database's index of words says which questions may match, and the matcher decides; it is not
asked where there is nothing left to decide (see :class:`alerts.prefilter.Asked`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.deciding import Told, decide, names_change
from alerts.fields import fields, news
from alerts.ledger import changes, questions, words
from alerts.ledger.words import Dated
from alerts.matching import BATCH, Matcher, compiled
from alerts.prefilter import TOO_MANY, Asked, Either, ask
from alerts.query import Query, canonical

#: Questions that are decided between two looks at the time.
_AT_ONCE = 40


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

    The words must have been written (:func:`alerts.wording.write_words`). Where deciding takes
    more than ``budget``, the newest are decided and the rest is estimated from them.
    """
    asked = ask(query)
    if not asked.exact:
        return _within(connection, query, _candidates(connection, asked), newest, budget)
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


def _candidates(connection: Connection, asked: Asked) -> list[Dated]:
    need = Either((asked.need, TOO_MANY)) if asked.need else None
    return words.having(connection, need)


def _within(
    connection: Connection,
    query: Query,
    candidates: Sequence[Dated],
    newest: int,
    budget: Budget | None,
) -> Found:
    """What is found among the candidates, newest first, in the time there is."""
    found: list[Dated] = []
    for start in range(0, len(candidates), _AT_ONCE):
        if start and budget is not None and budget.is_spent():
            share = len(found) / start
            rest = {day: n * share for day, n in _days(candidates[start:]).items()}
            sure = _days(found)
            every = {day: sure.get(day, 0) + rest.get(day, 0) for day in sure | rest}
            return Found({d: n for d, n in every.items() if n}, found[:newest], is_estimate=True)
        found += _decided(connection, query, candidates[start : start + _AT_ONCE])
    return Found(_days(found), found[:newest])


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
