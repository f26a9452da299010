"""A question as a list of results shows it: its title and a passage, with matches marked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from alerts.model import ChangeKind
from alerts.queries import NAME_FIELDS, Query, drop_unlikely_paragraphs, extract_fields, find_match
from alerts.rendering import label_question
from alerts.text import Place, Segment, Snippet, cut_opening, find_snippet, mark_spans
from crawler.records import Question


class QuestionExcerpt(msgspec.Struct, frozen=True):
    """One question in a list."""

    question: Question
    title: tuple[Segment, ...]
    snippet: Snippet | None
    #: The names of people that are all that matched; empty if something else matched too.
    only_names: tuple[str, ...] = ()


def build_excerpt(question: Question, query: Query | None) -> QuestionExcerpt:
    """Return ``question`` with the passage that matches ``query``, or with its first lines."""
    fields = extract_fields(question)
    texts = fields if query is None else drop_unlikely_paragraphs(query, fields)
    found = find_match(query, texts) if query is not None else None
    places = found.places if found else ()
    title = [(place.start, place.end) for place in places if place.field == "title"]
    snippet = find_snippet(texts, places, ChangeKind.ASKED.info.snippet_fields)
    return QuestionExcerpt(
        question,
        mark_spans(label_question(question), title),
        snippet or cut_opening(fields, "question"),
        tuple(_list_only_names(texts, places)),
    )


def _list_only_names(texts: Mapping[str, Sequence[str]], places: Sequence[Place]) -> Iterator[str]:
    """Generate the names in which a query matched, if it matched nowhere else, each once."""
    if all(place.field in NAME_FIELDS for place in places):
        yield from dict.fromkeys(texts[place.field][place.paragraph] for place in places)
