"""The archive searched with a query.

The database's index of words says which questions may match, and the matcher decides; it is not
asked where there is nothing left to decide (see :class:`alerts.prefilter.Asked`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from alerts.deciding import Told, decide, names_change
from alerts.fields import news
from alerts.ledger import changes, questions, words
from alerts.ledger.words import Dated
from alerts.matching import BATCH, Matcher, compiled
from alerts.prefilter import TOO_MANY, Asked, Either, ask
from alerts.query import Query, canonical


class Found(NamedTuple):
    """What a search found."""

    days: dict[date, int]  #: how many questions of each day
    newest: list[Dated]  #: the newest of them

    @property
    def total(self) -> int:
        """How many questions match."""
        return sum(self.days.values())


def search(connection: Connection, query: Query, newest: int) -> Found:
    """All questions of the archive that match ``query``: counted, and the ``newest`` named.

    The words must have been written (:func:`alerts.wording.write_words`).
    """
    asked = ask(query)
    if not asked.exact:
        found = list(_decided(connection, query, _candidates(connection, asked)))
        return Found(_days(found), found[:newest])
    more = list(_decided(connection, query, words.having(connection, TOO_MANY)))
    days = Counter(words.days(connection, asked.need)) + Counter(_days(more))
    found = sorted(
        [*words.having(connection, asked.need, newest), *more],
        key=lambda one: (one.dated, one.question_id),
        reverse=True,
    )
    return Found(dict(days), found[:newest])


def told(connection: Connection, ids: Sequence[str], *, by_change: bool) -> list[Told]:
    """Questions in the order of their ids, with what has happened to them."""
    records = {record.id: record for record in questions.all_of(connection, ids)}
    kinds = changes.kinds(connection, ids) if by_change else {}
    return [Told(records[i], kinds.get(i) or news(records[i])) for i in ids]


def _candidates(connection: Connection, asked: Asked) -> list[Dated]:
    need = Either((asked.need, TOO_MANY)) if asked.need else None
    return words.having(connection, need)


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
