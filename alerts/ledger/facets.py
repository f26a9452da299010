"""What results are counted by: their day, status, source and year, and the people in them.

Counting is done by the database, so that a page which shows twelve of a thousand results need not
read the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import (
    CompoundSelect,
    Connection,
    Date,
    Integer,
    Text,
    cast,
    func,
    null,
    select,
    true,
    union_all,
)

from alerts.ledger.inserts import iter_parameters
from alerts.ledger.schema import indexed_question
from alerts.ledger.word_index import UNANSWERED_STATUSES, format_condition, has_keys
from alerts.queries import index_terms


class Person(NamedTuple):
    """Somebody who asked or was asked."""

    name: str  #: to show
    slug: str | None  #: identity of a member: ``ada-brook``; None for whoever was asked
    texts: tuple[str, ...]  #: what the field of a query is compared with


class DayCount(NamedTuple):
    """How many results have the same day, year, status and source."""

    day: date
    year: int | None
    status: str | None
    source: str | None
    questions: int


class PeopleCount(NamedTuple):
    """How many results have the same people, party and status."""

    askers: tuple[Person, ...]
    party: str | None
    addressees: tuple[Person, ...]
    status: str | None
    questions: int


class ResultCounts(NamedTuple):
    """The results of a search, counted in two ways; both have the same sum."""

    days: tuple[DayCount, ...]
    people: tuple[PeopleCount, ...]

    def merge(self, other: ResultCounts) -> ResultCounts:
        """Return the counts of this and other results."""
        return ResultCounts(self.days + other.days, self.people + other.people)

    def count_by_day(self) -> Counter[date]:
        """Return how many results there are by day."""
        counted: Counter[date] = Counter()
        for one in self.days:
            counted[one.day] += one.questions
        return counted

    def count_unanswered_by_day(self) -> Counter[date]:
        """Return how many results are not answered, by day."""
        counted: Counter[date] = Counter()
        for one in self.days:
            if one.status in UNANSWERED_STATUSES:
                counted[one.day] += one.questions
        return counted


_DAY_COLUMNS = tuple(indexed_question.c[name] for name in ("day", "year", "status", "source"))
_PEOPLE_COLUMNS = tuple(
    indexed_question.c[name] for name in ("askers", "party", "addressees", "status")
)
#: Askers, party, addressees and status, as stored.
_People: TypeAlias = tuple[str | None, str | None, str | None, str | None]
_COLUMNS = tuple(dict.fromkeys((*_DAY_COLUMNS, *_PEOPLE_COLUMNS)))


def encode_people(people: Iterable[Person]) -> str:
    """Return people as they are stored."""
    return msgspec.json.encode(list(people)).decode()


def count_results(
    connection: Connection, condition: index_terms.IndexCondition | None
) -> ResultCounts:
    """Return the questions that meet a condition, counted.

    Args:
        connection: The ledger.
        condition: What they must meet; None for all questions.
    """
    counted = _build_counts(connection.dialect.name, has_condition=condition is not None)
    needed = {} if condition is None else {"need": format_condition(condition, connection)}
    rows = connection.execute(counted, needed)
    days, people = [], []
    for day, year, status, source, askers, party, addressees, count in rows:
        if day is not None:
            days.append(DayCount(day, year, status, source, count))
        else:
            people.append(_count_people((askers, party, addressees, status), count))
    return ResultCounts(tuple(days), tuple(people))


@lru_cache(4)
def _build_counts(dialect: str, *, has_condition: bool) -> CompoundSelect[Any]:
    """Return the statement of :func:`count_results`: built once, because a page waits for it."""
    condition = has_keys(dialect) if has_condition else true()
    found = select(*_COLUMNS).where(condition).cte("found")
    number = func.count().label("number")
    by_day = [found.c[column.name] for column in _DAY_COLUMNS]
    by_people = [found.c[column.name] for column in _PEOPLE_COLUMNS]
    no_text = cast(null(), Text)
    return union_all(
        select(*by_day, no_text, no_text, no_text, number).group_by(*by_day),
        select(
            cast(null(), Date),
            cast(null(), Integer),
            found.c.status,
            no_text,
            found.c.askers,
            found.c.party,
            found.c.addressees,
            number,
        ).group_by(*by_people),
    )


def count_listed(connection: Connection, ids: Sequence[str]) -> ResultCounts:
    """Return the questions with some ids, counted."""
    days: Counter[tuple[date, int | None, str | None, str | None]] = Counter()
    people: Counter[_People] = Counter()
    wanted = select(*_DAY_COLUMNS, *_PEOPLE_COLUMNS[:3])
    for some in iter_parameters(ids):
        listed = wanted.where(indexed_question.c.question_id.in_(some))
        for day, year, status, source, askers, party, addressees in connection.execute(listed):
            days[day, year, status, source] += 1
            people[askers, party, addressees, status] += 1
    return ResultCounts(
        tuple(DayCount(*key, number) for key, number in days.items()),
        tuple(_count_people(key, number) for key, number in people.items()),
    )


def _count_people(stored: _People, questions: int) -> PeopleCount:
    askers, party, addressees, status = stored
    return PeopleCount(_read_people(askers), party, _read_people(addressees), status, questions)


@lru_cache(10_000)  # the same few hundred values are in all questions; 10,000 are 3 MB
def _read_people(text: str | None) -> tuple[Person, ...]:
    if text is None:
        return ()
    return tuple(msgspec.json.decode(text, type=list[Person]))
