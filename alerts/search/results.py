"""A question as a list shows it: title and passage, what matches in them marked. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alerts.model import ChangeKind
from alerts.queries import Query, extract_fields, find_match
from alerts.queries.ast import And, MatchMode, Near, Not, Or, Phrase, Word
from alerts.text import Segment, Snippet, cut_opening, find_snippet, fold_to_letters, mark_spans
from crawler.records import Question

#: Fields that may be long.
_LONG_FIELDS = frozenset({"question", "answer"})


class QuestionExcerpt(msgspec.Struct, frozen=True):
    """One question in a list."""

    question: Question
    title: tuple[Segment, ...]
    snippet: Snippet | None


def build_excerpt(question: Question, query: Query | None) -> QuestionExcerpt:
    """``question`` with what matches ``query`` marked; its beginning where nothing in it does."""
    texts = (
        _drop_unlikely_paragraphs(extract_fields(question), query)
        if query is not None
        else extract_fields(question)
    )
    found = find_match(query, texts) if query is not None else None
    places = found.places if found else ()
    title = [(p.start, p.end) for p in places if p.field == "title"]
    passage = find_snippet(texts, places, ChangeKind.ASKED.info.snippet_fields) or cut_opening(
        extract_fields(question), "question"
    )
    return QuestionExcerpt(question, mark_spans(question.title or question.id, title), passage)


def _drop_unlikely_paragraphs(texts: dict[str, list[str]], query: Query) -> dict[str, list[str]]:
    """``texts`` without the paragraphs that have none of the query's words.

    Most have none, and to look at their letters takes a tenth of finding their words.
    """
    signs = tuple(
        _common_letters(token, word.mode) for word in _list_words(query) for token in word.tokens
    )
    return {
        field: [text for text in paragraphs if any(sign in fold_to_letters(text) for sign in signs)]
        if field in _LONG_FIELDS
        else paragraphs
        for field, paragraphs in texts.items()
    }


def _common_letters(token: str, how: MatchMode) -> str:
    """Letters that all forms of a word have in a row."""
    if how == "capitals":
        return token.lower()
    return token[:3] if len(token) > 3 else token[:1]  # "man" is found by "men"


def _list_words(query: Query) -> Iterator[Word]:
    match query:
        case And(parts) | Or(parts) | Near(parts) | Phrase(parts):
            for part in parts:
                yield from _list_words(part)
        case Not(part):
            yield from _list_words(part)
        case Word():
            yield query
