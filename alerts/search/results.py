"""A question as a list shows it: title and passage, what matches in them marked. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alerts.model import PREFERRED
from alerts.queries.ast import And, How, Near, Not, Or, Phrase, Query, Word
from alerts.queries.fields import fields
from alerts.queries.find import find
from alerts.queries.snippets import Segment, Snippet, marked, opening, snippet
from alerts.queries.tokens import letters
from crawler.records import Question

#: Fields that may be long.
_LONG = frozenset({"question", "answer"})


class Shown(msgspec.Struct, frozen=True):
    """One question in a list."""

    question: Question
    title: tuple[Segment, ...]
    passage: Snippet | None


def shown(question: Question, query: Query | None) -> Shown:
    """``question`` with what matches ``query`` marked; its beginning where nothing in it does."""
    texts = _likely(fields(question), query) if query is not None else fields(question)
    found = find(query, texts) if query is not None else None
    places = found.places if found else ()
    title = [(p.start, p.end) for p in places if p.field == "title"]
    passage = snippet(texts, places, PREFERRED["asked"]) or opening(fields(question), "question")
    return Shown(question, marked(question.title or question.id, title), passage)


def _likely(texts: dict[str, list[str]], query: Query) -> dict[str, list[str]]:
    """``texts`` without the paragraphs that have none of the query's words.

    Most have none, and to look at their letters takes a tenth of finding their words.
    """
    signs = tuple(_sign(token, word.how) for word in _words(query) for token in word.tokens)
    return {
        field: [text for text in paragraphs if any(sign in letters(text) for sign in signs)]
        if field in _LONG
        else paragraphs
        for field, paragraphs in texts.items()
    }


def _sign(token: str, how: How) -> str:
    """Letters that all forms of a word have in a row."""
    if how == "capitals":
        return token.lower()
    return token[:3] if len(token) > 3 else token[:1]  # "man" is found by "men"


def _words(query: Query) -> Iterator[Word]:
    match query:
        case And(parts) | Or(parts) | Near(parts) | Phrase(parts):
            for part in parts:
                yield from _words(part)
        case Not(part):
            yield from _words(part)
        case Word():
            yield query
