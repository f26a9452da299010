"""What the results of a search can be narrowed by, with counts. Pure.

The count of a choice is that of the search which its link leads to: a name is compared with the
names of the results as the query would compare it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import msgspec

from alerts.ledger.facets import PeopleCount, Person, ResultCounts
from alerts.queries import (
    FILTER_FIELDS,
    add_filter,
    find_match,
    format_canonical,
    list_filters,
    parse_canonical,
    parse_query,
    prepare_fields,
    remove_filter,
    write_filter,
)
from alerts.text import PreparedTexts

#: Choices of one field that are offered; the rest are counted together. A source has had about 150
#: members in 25 years, and whoever looks for one of them can type the name.
_MAX_CHOICES = 20
#: The order in which the choices of a status are listed.
_STATUSES = ("answered", "holding", "unanswered")

#: The texts of a field of one or more results.
_Texts: TypeAlias = tuple[str, ...]


class FilterInUse(msgspec.Struct, frozen=True):
    """A filter that a query has."""

    field: str
    values: tuple[str, ...]  #: as typed; several where any of them will do
    without: str  #: the query without it; empty if nothing would be left to look for


class FilterChoice(msgspec.Struct, frozen=True):
    """One way to narrow the results."""

    value: str  #: ``unanswered``, ``Ada Brook``
    query: str  #: the narrowed query
    questions: int  #: number of results that are left


class FilterGroup(msgspec.Struct, frozen=True):
    """The choices of one field, the most frequent first (statuses and years in their own order)."""

    field: str
    choices: tuple[FilterChoice, ...]
    others: int = 0  #: number of values that are not offered


class RankedMember(msgspec.Struct, frozen=True):
    """A member with the number of their questions among the results."""

    name: str
    slug: str
    questions: int
    answered: int  #: of these


def list_filters_in_use(typed: str) -> tuple[FilterInUse, ...]:
    """Return the filters of a query, each with the query without it.

    Raises:
        QueryError: ``typed`` is no query.
    """
    return tuple(
        FilterInUse(one.field, one.values, remove_filter(typed, one.part))
        for one in list_filters(typed)
    )


def build_filter_groups(typed: str, counts: ResultCounts) -> tuple[FilterGroup, ...]:
    """Return what the results of a query can be narrowed by.

    A field of which all results have the same value is left out.

    Args:
        typed: The query as somebody typed it.
        counts: Its results.
    """
    builder = _GroupBuilder(typed, sum(one.questions for one in counts.days))
    groups = (builder.build(field, *_tally(field, counts)) for field in FILTER_FIELDS)
    return tuple(group for group in groups if group.choices)


def rank_members(people: Sequence[PeopleCount]) -> tuple[RankedMember, ...]:
    """Return who asked the results, the one with the most questions first."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    answered: Counter[str] = Counter()
    for one in people:
        for person in one.askers:
            if person.slug is not None:
                names[person.slug][person.name] += one.questions
                answered[person.slug] += one.questions if one.status == "answered" else 0
    ranked = [
        RankedMember(known.most_common(1)[0][0], slug, known.total(), answered[slug])
        for slug, known in names.items()
    ]
    return tuple(sorted(ranked, key=lambda one: (-one.questions, one.name)))


def _tally(
    field: str, counts: ResultCounts
) -> tuple[Mapping[str, int], Mapping[_Texts, int] | None]:
    """Return how many results have each value of a field, and each of its texts.

    The second is None for a field whose values are compared as a whole.
    """
    values: Counter[str] = Counter()
    texts: Counter[_Texts] = Counter()
    if field in ("status", "source", "year"):
        for day in counts.days:
            value = {"status": day.status, "source": day.source, "year": day.year}[field]
            values[f"{value:04}" if isinstance(value, int) else value or ""] += day.questions
    else:
        for one in counts.people:
            some = _list_people(field, one)
            texts[tuple(text for person in some for text in person.texts)] += one.questions
            for name in {person.name for person in some}:
                values[name] += one.questions
    del values[""]
    return values, texts or None


def _list_people(field: str, one: PeopleCount) -> tuple[Person, ...]:
    if field == "party":
        return (Person(one.party, None, (one.party,)),) if one.party else ()
    return one.askers if field == "asked_by" else one.addressees


class _GroupBuilder:
    """Makes the groups of one query."""

    def __init__(self, typed: str, total: int) -> None:
        self._typed, self._total = typed, total
        self._used = {format_canonical(one.part) for one in list_filters(typed)}

    def build(
        self, field: str, values: Mapping[str, int], texts: Mapping[_Texts, int] | None
    ) -> FilterGroup:
        """Return the choices of a field."""
        spellings = self._merge_spellings(field, values)
        choices = []
        for term, canonical, value, questions in spellings[:_MAX_CHOICES]:
            number = questions if texts is None else _count_matches(field, canonical, texts)
            narrowed = add_filter(self._typed, term) if 0 < number < self._total else None
            if narrowed is not None:
                choices.append(FilterChoice(value, narrowed, number))
        ordered = tuple(_sort(field, choices))
        return FilterGroup(field, ordered, max(0, len(spellings) - _MAX_CHOICES))

    def _merge_spellings(
        self, field: str, values: Mapping[str, int]
    ) -> list[tuple[str, str, str, int]]:
        """Return filters as typed and in canonical form, with the commonest value and its count.

        Values that the query does not tell apart are one, and those that it has are left out.
        """
        found: dict[str, tuple[str, str, str, int]] = {}
        for value, number in sorted(values.items(), key=lambda item: (-item[1], item[0])):
            term = _write_filter(field, value)
            if term is None or term[1] in self._used:
                continue
            first = found.get(term[1], (*term, value, 0))
            found[term[1]] = (*first[:3], first[3] + number)
        return sorted(found.values(), key=lambda one: (-one[3], one[2]))


@lru_cache(10_000)  # the same few hundred names are in the results of all searches
def _write_filter(field: str, value: str) -> tuple[str, str] | None:
    """Return a filter as typed and in canonical form; None if it is no query."""
    term = write_filter(field, value)
    return (term, format_canonical(parse_query(term))) if term else None


def _sort(field: str, choices: Iterable[FilterChoice]) -> list[FilterChoice]:
    if field == "status":
        return sorted(choices, key=lambda one: _STATUSES.index(one.value))
    if field == "year":
        return sorted(choices, key=lambda one: one.value, reverse=True)
    return sorted(choices, key=lambda one: (-one.questions, one.value))


def _count_matches(field: str, canonical: str, texts: Mapping[_Texts, int]) -> int:
    return sum(number for some, number in texts.items() if _matches(field, canonical, some))


@lru_cache(50_000)  # 200 names compared with 200 others, as short texts: 10 MB
def _matches(field: str, canonical: str, texts: _Texts) -> bool:
    return find_match(parse_canonical(canonical), _prepare(field, texts)) is not None


@lru_cache(2_000)
def _prepare(field: str, texts: _Texts) -> PreparedTexts:
    return prepare_fields({field: texts})
