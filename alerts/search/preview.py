"""The preview of a topic: what it would have found, shown before anybody subscribes to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.ledger import questions, word_index
from alerts.queries import Query, format_canonical, list_hints, parse_query
from alerts.search.breadth import Breadth, find_breadth
from alerts.search.results import QuestionExcerpt, build_excerpt
from alerts.search.search import SearchResults, TimeBudget, search_questions
from alerts.search.spellings import (
    SmallForm,
    SpellingSuggestion,
    find_small_forms,
    list_unknown_words,
    suggest_spellings,
)
from alerts.search.suggestions import Suggestion, find_suggestions

#: Months in the chart, beside the current one.
_MONTHS = 24
#: Excerpts below the numbers.
_LATEST_COUNT = 5


class Preview(msgspec.Struct, frozen=True):
    """What a query finds in the archive. Days are those of the questions."""

    canonical: str
    last_7_days: int
    last_365_days: int
    total: int
    last_date: date | None  #: of the newest question that matches
    #: By first day of the month: the last 24 and this one, oldest first; without the months before
    #: :attr:`decided_to`.
    months: dict[date, int]
    latest: tuple[QuestionExcerpt, ...]
    #: On average over the last year, or since the archive begins or the search ended if later.
    per_day: float
    unknown_words: tuple[SpellingSuggestion, ...]  #: words of the query that no question has
    suggestions: tuple[Suggestion, ...]
    is_complete: bool = True  #: whether :attr:`total` is all; if not, there are at least so many
    decided_to: date | None = None  #: the day down to which questions were compared; None: all
    next: str | None = None  #: where the questions after :attr:`latest` begin
    is_week_complete: bool = True  #: whether :attr:`last_7_days` is all
    is_year_complete: bool = True  #: whether :attr:`last_365_days` is all
    hints: tuple[str, ...] = ()  #: sentences on words that were left out
    #: Words in capitals that are found in small letters instead.
    small_forms: tuple[SmallForm, ...] = ()
    is_archive_empty: bool = False  #: whether there is no question yet that could have matched
    breadth: Breadth | None = None  #: how broad the query is; None if it is not too broad


def build_preview(
    connection: Connection, typed: str, today: date, budget: TimeBudget | None = None
) -> Preview:
    """Return what the query ``typed`` finds in the archive.

    New questions must have been indexed (:func:`alerts.search.index_questions`).

    Args:
        connection: The ledger.
        typed: The query as the subscriber typed it.
        today: The day that the last week and year end with.
        budget: The time after which no older questions are counted; None to count all.

    Raises:
        QueryError: ``typed`` is no query.
    """
    query = parse_query(typed)
    found = search_questions(connection, query, _LATEST_COUNT, budget)
    week, year = today - timedelta(days=7), today - timedelta(days=365)
    last_365_days = _count_since(found.counts_by_day, year)
    known_first_day = word_index.get_first_day(connection)
    first_day = known_first_day or today
    begin = max(year, first_day, found.decided_to or first_day)
    number = found.total if found.total or found.is_complete else None
    spellings = suggest_spellings(connection, query, found=number) if known_first_day else ()
    small_forms = find_small_forms(connection, query, budget)
    return Preview(
        canonical=format_canonical(query),
        last_7_days=_count_since(found.counts_by_day, week),
        last_365_days=last_365_days,
        total=found.total,
        last_date=max(found.counts_by_day, default=None),
        months=_count_decided_months(found, today),
        latest=_load_excerpts(connection, found, query),
        per_day=last_365_days / max(1, (today - begin).days),
        hints=tuple(list_hints(typed)),
        unknown_words=tuple(list_unknown_words(spellings, small_forms, typed)),
        small_forms=tuple(small_forms),
        suggestions=tuple(find_suggestions(connection, query, budget)),
        is_complete=found.is_complete,
        decided_to=found.decided_to,
        next=found.next.format() if found.next else None,
        is_week_complete=found.is_complete_after(week),
        is_year_complete=found.is_complete_after(year),
        is_archive_empty=known_first_day is None,
        breadth=find_breadth(connection, query, found.counts_by_day, today, begin, budget),
    )


def _count_decided_months(found: SearchResults, today: date) -> dict[date, int]:
    """Return counts by month, without months of which no question was compared."""
    months = count_by_month(found.counts_by_day, today)
    if found.decided_to is None:
        return months
    first = found.decided_to.replace(day=1)
    return {month: number for month, number in months.items() if month >= first}


def _load_excerpts(
    connection: Connection, found: SearchResults, query: Query
) -> tuple[QuestionExcerpt, ...]:
    ids = [dated.question_id for dated in found.newest]
    records = questions.list_records(connection, ids)
    return tuple(build_excerpt(record, query) for record in records)


def _count_since(counts_by_day: Mapping[date, int], day: date) -> int:
    """Return the number of questions after ``day``."""
    return sum(number for one, number in counts_by_day.items() if one > day)


def count_by_month(counts_by_day: Mapping[date, int], today: date) -> dict[date, int]:
    """Return counts of the last 24 months and this one by their first days, oldest first."""
    counted: defaultdict[date, int] = defaultdict(int)
    for day, number in counts_by_day.items():
        counted[day.replace(day=1)] += number
    return {first: counted[first] for first in list_months(today)}


def list_months(today: date) -> list[date]:
    """Return the first days of the last 24 months and this one, oldest first."""
    this = 12 * today.year + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(this - _MONTHS, this + 1)]
