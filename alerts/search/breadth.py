"""Whether a topic is too broad for somebody to read, and which field makes it so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec
from sqlalchemy import Connection

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
        number = f"{self.per_week:.0f} questions a week match, {self.share:.0%} of all"
        told = [f"About {number}. Add a word or quote a phrase to narrow it."]
        if self.fields:
            noun = "field" if len(self.fields) == 1 else "fields"
            told.append(f"Most of them have {self.part} in the {noun} {' and '.join(self.fields)}.")
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
