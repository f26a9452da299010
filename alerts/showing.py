"""A question as a list shows it: title and passage, what matches in them marked. Pure."""

from __future__ import annotations

import msgspec

from alerts.entries import PREFERRED
from alerts.fields import fields
from alerts.finding import find
from alerts.query import Query
from alerts.snippets import Segment, Snippet, marked, opening, snippet
from crawler.records import Question


class Shown(msgspec.Struct, frozen=True):
    """One question in a list."""

    question: Question
    title: tuple[Segment, ...]
    passage: Snippet | None


def shown(question: Question, query: Query | None) -> Shown:
    """``question`` with what matches ``query`` marked; its beginning where nothing in it does."""
    texts = fields(question)
    found = find(query, texts) if query is not None else None
    places = found.places if found else ()
    title = [(p.start, p.end) for p in places if p.field == "title"]
    passage = snippet(texts, places, PREFERRED["asked"]) or opening(texts, "question")
    return Shown(question, marked(question.title or question.id, title), passage)
