"""The examples of the help page: what somebody types, and texts that it finds and does not find.

A test holds each of them against the matcher, so that the page is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from alerts.language import gettext_noop as _
from alerts.queries import QueryError, parse_query
from crawler.records import Question


class QueryExample(msgspec.Struct, frozen=True):
    """A query, and texts on both sides of it."""

    query: str
    finds: tuple[str, ...]
    misses: tuple[str, ...]


class FieldExample(msgspec.Struct, frozen=True):
    """A query in one field, and what the field is."""

    query: str
    meaning: str  #: translated where it is shown


class RefusedExample(msgspec.Struct, frozen=True):
    """A query that is refused, and the sentence that says so."""

    query: str
    error: str


WORDS: Final = (
    QueryExample("knife crime", ("Crime with a knife", "knives and other crimes"), ("crime",)),
    QueryExample("cyclist", ("cyclists", "a cyclist’s helmet"), ("cycling",)),
    QueryExample('"stop and search"', ("stop-and-search",), ("search and stop",)),
    QueryExample("VRU", ("the VRU", "VRUs"), ("vru",)),
    QueryExample("e-scooter", ("e scooter", "escooters"), ("a scooter",)),
)

COMBINED: Final = (
    QueryExample("tube OR tram", ("trams", "the Tube"), ("a train",)),
    QueryExample("bus NOT school", ("the night bus",), ("a school bus",)),
    QueryExample("(tube OR tram) noise", ("noise of trams",), ("a quiet tram",)),
    QueryExample("cycl*", ("cycling", "cycleway"), ("bicycle",)),
    QueryExample("knife NEAR/5 crime", ("crimes with a knife",), ("A knife lay there.",)),
)

FIELDS: Final = (
    FieldExample('title:"knife crime"', _("the title")),
    FieldExample("question:buses", _("what was asked")),
    FieldExample("answer:sprinkler", _("the answer")),
    FieldExample("asked_by:smith", _("the member who asked")),
    FieldExample("party:independent", _("their party or group")),
    FieldExample("asked_of:commissioner", _("who was asked")),
    FieldExample("answered_by:chair", _("who answered")),
    FieldExample("status:unanswered", _("whether it is answered, holding or unanswered")),
    FieldExample("year:2026", _("the year in which it was asked")),
    FieldExample("ref:2026/0001", _("the reference number")),
    FieldExample("change:corrected", _("answers that were corrected")),
    FieldExample("attachment:minutes", _("the titles of attached files")),
)


def list_fields(newest: Sequence[Question]) -> tuple[FieldExample, ...]:
    """Return an example for each field, with what a question of the archive has in it.

    Args:
        newest: Some of the newest questions; the first that has something in a field is taken.
    """
    found: dict[str, str] = {}
    for question in newest:
        for field, text in _read_fields(question):
            found.setdefault(field, text)
    return tuple(
        FieldExample(f"{field}:{found[field]}", example.meaning) if field in found else example
        for example in FIELDS
        for field in [example.query.partition(":")[0]]
    )


def _read_fields(question: Question) -> Iterator[tuple[str, str]]:
    """Yield what a question has in the fields whose values nobody can guess, as it is typed."""
    asker, meeting = question.asked_by, question.meeting
    values = {
        "asked_by": asker.name if asker else None,
        "party": asker.party if asker else None,
        "asked_of": question.asked_of[0].name if question.asked_of else None,
        "year": str(meeting.date.year) if meeting and meeting.date else None,
        "ref": question.reference,
    }
    for field, text in values.items():
        if text and '"' not in text:
            yield field, f'"{text}"' if " " in text else text


_REFUSED: Final = ("(knife", '"knife', "the of", "kn*", "titel:knife", "knife NEAR crime")


def list_refused() -> tuple[RefusedExample, ...]:
    """Return queries that are refused, with what the search box says of each."""
    return tuple(RefusedExample(typed, _read_error(typed)) for typed in _REFUSED)


def _read_error(typed: str) -> str:
    try:
        parse_query(typed)
    except QueryError as error:
        return str(error)
    raise ValueError(f"{typed} is not refused any more")
