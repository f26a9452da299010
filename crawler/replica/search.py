"""The search of the replica: from a query string to a page of rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from crawler.replica.world import ReplicaQuestion

PAGE_SIZE = 10
TEASER_LENGTH = 500

_DAY_FIRST = re.compile(r"(\d{2})-(\d{2})-(\d{4})")

#: Facet keys as the source spells them, with their headings and the values they filter by.
FACETS: dict[str, tuple[str, Callable[[ReplicaQuestion], str | None]]] = {
    "asked_of": ("Asked of", lambda q: q.asked_of),
    "mqt_question_by": ("Question by", lambda q: q.asked_by.name),
    "mqt_organisation": ("Organisation", lambda q: q.organisation),
    "mqt_category": ("Category", lambda q: q.category),
    "mqt_meeting_type": ("Meeting type", lambda q: q.meeting.name),
}


@dataclass(frozen=True, kw_only=True)
class ReplicaSearch:
    """One search."""

    date_from: date | None = None
    date_to: date | None = None
    text: str = ""
    ascending: bool = False
    page: int = 0
    #: By key: a question must have one of the values for every key.
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, query: Iterable[tuple[str, str]]) -> Self:
        """Return the search in the pairs of a query string.

        How the source treats a date that it cannot read is not known. Here it is an error, so that
        tests notice a crawler that sends one. Names that the source has retired are ignored.

        Raises:
            ValueError: A date or the page number cannot be read; the message says which.
        """
        pairs = list(query)
        last = dict(pairs)
        page = last.get("page") or "0"
        if not page.isdecimal():
            raise ValueError(f"page={page} is not a page number")
        return cls(
            date_from=_parse_day(last, "date_from"),
            date_to=_parse_day(last, "date_to"),
            text=last.get("question_text", "").strip(),
            ascending=last.get("sort_order", "").upper() == "ASC",
            page=int(page),
            facets=_parse_facets(pairs),
        )

    def matches(self, question: ReplicaQuestion) -> bool:
        """Return whether ``question`` matches; its date is that of its meeting."""
        day = question.meeting.date
        if (self.date_from and day < self.date_from) or (self.date_to and day > self.date_to):
            return False
        if self.text and self.text.lower() not in f"{question.title} {question.text}".lower():
            return False
        return all(FACETS[key][1](question) in values for key, values in self.facets.items())


@dataclass(frozen=True, kw_only=True)
class ListingRow:
    """One row of a listing."""

    question: ReplicaQuestion
    teaser: str


@dataclass(frozen=True, kw_only=True)
class ListingFacet:
    """One facet, with the number of questions for each of its values."""

    key: str
    heading: str
    values: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ListingPage:
    """One page of results."""

    total: int
    page: int
    pages: int
    rows: tuple[ListingRow, ...]
    facets: tuple[ListingFacet, ...]


def find_results(search: ReplicaSearch, questions: Iterable[ReplicaQuestion]) -> ListingPage:
    """Return the page of results that ``search`` asks for; a page past the end has no rows.

    As on the source, the order within a meeting is not by reference: new questions appear in the
    middle of the list and move others to the next page.
    """
    found = sorted((q for q in questions if search.matches(q)), key=lambda q: q.slug)
    found.sort(key=lambda q: q.meeting.date, reverse=not search.ascending)
    begin = search.page * PAGE_SIZE
    return ListingPage(
        total=len(found),
        page=search.page,
        pages=-(-len(found) // PAGE_SIZE),
        rows=tuple(
            ListingRow(question=q, teaser=build_teaser(q.text))
            for q in found[begin : begin + PAGE_SIZE]
        ),
        facets=tuple(_count_facet(key, found) for key in FACETS),
    )


def build_teaser(text: str) -> str:
    """Return the start of ``text``, cut after a word at 500 characters and marked with dots."""
    if len(text) <= TEASER_LENGTH:
        return text
    return text[:TEASER_LENGTH].rsplit(" ", 1)[0] + "..."


def _count_facet(key: str, questions: Iterable[ReplicaQuestion]) -> ListingFacet:
    heading, value_of = FACETS[key]
    values: dict[str, int] = {}
    for question in questions:
        if value := value_of(question):
            values[value] = values.get(value, 0) + 1
    return ListingFacet(key=key, heading=heading, values=dict(sorted(values.items())))


def _parse_facets(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return the facets in pairs such as ``f[0]=mqt_category:Transport``; ignore unknown keys."""
    facets: dict[str, frozenset[str]] = {}
    for name, pair in pairs:
        key, colon, value = pair.partition(":")
        if name.startswith("f[") and colon and key in FACETS:
            facets[key] = facets.get(key, frozenset()) | {value}
    return facets


def _parse_day(query: Mapping[str, str], name: str) -> date | None:
    """Return a date written ``23-03-2023`` or ``2023-03-23``, None if it is empty."""
    text = query.get(name, "").strip()
    if not text:
        return None
    iso = _DAY_FIRST.sub(r"\3-\2-\1", text)
    try:
        return datetime.fromisoformat(iso).date()
    except ValueError:
        raise ValueError(f"{name}={text} is not a date; write it like 23-03-2023") from None
