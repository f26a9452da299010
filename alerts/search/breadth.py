"""How many questions a topic brings, whether that is too many to read, and what makes it so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

from alerts.language import format_number, ngettext
from alerts.ledger import questions, word_index
from alerts.queries import (
    FIELDS,
    Query,
    QueryError,
    ast,
    extract_fields,
    find_match,
    format_canonical,
    list_wanted_leaves,
    parse_query,
    replace_wanted_leaves,
)
from alerts.search.search import TimeBudget, list_results, search_questions

#: Questions a week that nobody reads, whatever the size of the source.
_MAX_PER_WEEK = 50
#: Share of all questions above which a topic says little about what its subscriber wants, unless
#: there are only a few a week.
_MAX_SHARE = 0.25
_MIN_PER_WEEK = 7
#: The newest results that are looked at for the field that causes it: each takes 1 ms.
_SAMPLE = 24
#: The fields in which a word is looked for when others are left out.
_TEXT_FIELDS = ("title", "question", "answer")
_WEEK = timedelta(days=7)
_YEAR = timedelta(days=365)
_DAYS_A_MONTH = 365.25 / 12


class Breadth(msgspec.Struct, frozen=True):
    """Why a topic is too broad, and a narrower one."""

    per_week: float  #: questions, on average
    share: float  #: of all questions of the same time, from 0 to 1
    part: str | None = None  #: the part of the query that is in nearly all of them
    fields: tuple[str, ...] = ()  #: the fields that this part is in
    narrower: str | None = None  #: the query without these fields
    narrower_per_week: float = 0

    @property
    def sentences(self) -> list[str]:
        """What to tell the subscriber."""
        message = ngettext(
            "About %(number)s question a week matches, %(share)s of all."
            " Add a word or quote a phrase to narrow it.",
            "About %(number)s questions a week match, %(share)s of all."
            " Add a word or quote a phrase to narrow it.",
            round(self.per_week),
        )
        values = {"number": format_number(round(self.per_week)), "share": f"{self.share:.0%}"}
        told = [message % values]
        if self.fields:
            fields = {"part": self.part, "fields": ", ".join(self.fields)}
            message = ngettext(
                "Most of them have %(part)s in the field %(fields)s.",
                "Most of them have %(part)s in the fields %(fields)s.",
                len(self.fields),
            )
            told.append(message % fields)
        return told


def find_breadth(
    connection: Connection,
    query: Query,
    counts_by_day: Mapping[date, int],
    today: date,
    begin: date,
    budget: TimeBudget | None = None,
) -> Breadth | None:
    """Return how broad a topic is; None if it is not too broad.

    Args:
        connection: The ledger.
        query: A query in normal form.
        counts_by_day: Number of questions that match, by their day.
        today: The end of the year that is counted.
        begin: The day from which questions are counted, at most a year before ``today``.
        budget: The time for counting the narrower query; None for no limit.
    """
    weeks = max(1.0, (today - begin) / _WEEK)
    found = sum(number for day, number in counts_by_day.items() if day >= begin)
    per_week = found / weeks
    if per_week < _MIN_PER_WEEK:
        return None
    share = found / max(found, word_index.count_since(connection, begin))
    if per_week <= _MAX_PER_WEEK and share <= _MAX_SHARE:
        return None
    leaf, fields = _find_cause(connection, query)
    if leaf is None:
        return Breadth(per_week, share)
    part = format_canonical(leaf).replace('"', "")
    named = Breadth(per_week, share, part=part, fields=fields)
    return _add_narrower(connection, named, query, leaf, (begin, weeks, budget))


def _find_cause(connection: Connection, query: Query) -> tuple[ast.Leaf | None, tuple[str, ...]]:
    """Return the part that most of the newest results have in the same fields, and these fields."""
    newest, _ = list_results(connection, query, _SAMPLE)
    records = questions.list_records(connection, [one.question_id for one in newest])
    texts = [extract_fields(record) for record in records]
    for leaf in [one for one in list_wanted_leaves(query) if one.field is None]:
        number: Counter[str] = Counter()
        for each in texts:
            found = find_match(leaf, each)
            number.update({place.field for place in found.places} if found else ())
        common = [field for field in FIELDS if number[field] > len(texts) / 2]
        if common:
            return leaf, tuple(common)
    return None, ()


def _add_narrower(
    connection: Connection,
    breadth: Breadth,
    query: Query,
    leaf: ast.Leaf,
    counted: tuple[date, float, TimeBudget | None],
) -> Breadth:
    """Return ``breadth`` with the query that leaves its fields out, if something remains."""
    left = [field for field in _TEXT_FIELDS if field not in breadth.fields]
    choice = [msgspec.structs.replace(leaf, field=field) for field in left]
    if not choice:
        return breadth
    try:
        narrower = parse_query(
            format_canonical(
                replace_wanted_leaves(
                    query, lambda one: ast.Or(tuple(choice)) if one == leaf else one
                )
            )
        )
    except QueryError:  # it would be too long
        return breadth
    begin, weeks, budget = counted
    days = search_questions(connection, narrower, 0, budget).counts_by_day
    number = sum(count for day, count in days.items() if day >= begin)
    return msgspec.structs.replace(
        breadth, narrower=format_canonical(narrower), narrower_per_week=number / weeks
    )


class Volume(msgspec.Struct, frozen=True):
    """How many questions a query has found, and how many a month that is."""

    total: int  #: in the archive
    is_complete: bool  #: whether :attr:`total` is all; if not, there are at least so many
    last_date: date | None  #: the day of the newest question
    #: On average over the last year, or since the archive begins or the search ended if later;
    #: None where the archive is younger than a month, so that nothing can be said.
    per_month: float | None
    newest_id: str | None = None  #: of the newest question

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
    found = search_questions(connection, parse_query(typed), 1, budget)
    first_day = word_index.get_first_day(connection) or today
    begin = max(today - _YEAR, first_day, found.decided_to or first_day)
    days = (today - begin).days
    number = sum(count for day, count in found.counts_by_day.items() if day >= begin)
    return Volume(
        total=found.total,
        is_complete=found.is_complete,
        last_date=max(found.counts_by_day, default=None),
        per_month=number * _DAYS_A_MONTH / days if days >= _DAYS_A_MONTH else None,
        newest_id=found.newest[0].question_id if found.newest else None,
    )
