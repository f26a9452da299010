"""How many questions an alert for a query would bring."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import word_index
from alerts.queries import parse_query
from alerts.search.search import TimeBudget, search_questions

_YEAR = timedelta(days=365)
_DAYS_A_MONTH = 365.25 / 12


class Volume(msgspec.Struct, frozen=True):
    """How many questions a query has found, and how many a month that is."""

    total: int  #: in the archive
    is_complete: bool  #: whether :attr:`total` is all; if not, there are at least so many
    last_date: date | None  #: the day of the newest question
    #: On average over the last year, or since the archive begins or the search ended if later;
    #: None where the archive is younger than a month, so that nothing can be said.
    per_month: float | None

    @property
    def per_year(self) -> float | None:
        """The same for a year."""
        return None if self.per_month is None else self.per_month * 12


def estimate_volume(
    connection: Connection, typed: str, today: date, budget: TimeBudget | None = None
) -> Volume:
    """Return how many questions a query has found in the archive.

    Args:
        connection: The ledger.
        typed: The query as somebody typed it.
        today: The day that the last year ends with.
        budget: The time after which no older questions are counted; None to count all.

    Raises:
        QueryError: ``typed`` is no query.
    """
    found = search_questions(connection, parse_query(typed), 0, budget)
    first_day = word_index.get_first_day(connection) or today
    begin = max(today - _YEAR, first_day, found.decided_to or first_day)
    days = (today - begin).days
    number = sum(count for day, count in found.counts_by_day.items() if day >= begin)
    return Volume(
        total=found.total,
        is_complete=found.is_complete,
        last_date=max(found.counts_by_day, default=None),
        per_month=number * _DAYS_A_MONTH / days if days >= _DAYS_A_MONTH else None,
    )
