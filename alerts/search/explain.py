"""How a query is understood, in words, and the places where a question matches it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alerts.matching import QuestionChanges
from alerts.queries import (
    KEYWORD_FIELDS,
    Query,
    QueryVisitor,
    ast,
    find_match,
    format_canonical,
    list_leaves,
    uses_field,
)
from alerts.text import Place, Segment, cut_around, find_spoken_acronym


class QueryPart(msgspec.Struct, frozen=True):
    """A leaf of a query, and how it is matched."""

    part: str  #: in canonical form, such as ``title:knife``
    explanation: str
    is_excluded: bool = False


class MatchedPlace(msgspec.Struct, frozen=True):
    """A place that made a question match."""

    place: Place
    segments: tuple[Segment, ...]  #: a line of text around the place, which is marked


def explain_parts(query: Query) -> Iterator[QueryPart]:
    """Generate the leaves of ``query``, in the order of its canonical form, with explanations."""
    for leaf, is_wanted in list_leaves(query):
        explanation = f"{_DESCRIBER.visit(leaf)}, {_describe_field(leaf.field)}"
        yield QueryPart(format_canonical(leaf), explanation, is_excluded=not is_wanted)


def find_matched_places(query: Query, question: QuestionChanges) -> list[MatchedPlace] | None:
    """Return the places where a question matches ``query``, or None if it does not match."""
    for texts in question.extract_texts(by_change=uses_field(query, "change")):
        found = find_match(query, texts)
        if found is not None:
            return [MatchedPlace(place, cut_around(texts, place)) for place in found.places]
    return None


class _Describer(QueryVisitor[str]):
    """Describes leaves, apart from their fields."""

    def visit_word(self, word: ast.Word) -> str:
        text = "-".join(word.tokens)
        spellings = ", with a hyphen, a space or neither" if len(word.tokens) > 1 else ""
        match word.mode:
            case "capitals":
                is_spoken = find_spoken_acronym(text.lower()) is not None
                case = "any case" if is_spoken else "capitals only"
                return f"in {case}: {text}, {text}s, {text}'s"
            case "prefix":
                return f"any word that begins with {text}{spellings}"
            case "stem":
                return f"this word, its plural and its other forms{spellings}"
            case "exact" if word.field in KEYWORD_FIELDS:
                return f"exactly {text}"
            case "exact":
                return f"exactly this word{spellings}"

    def visit_phrase(self, phrase: ast.Phrase) -> str:
        return f"exactly these {len(phrase.words)} words, one after the other"

    def visit_near(self, near: ast.Near) -> str:
        *first, last = [format_canonical(part) for part in near.parts]
        between = "one word" if near.within == 1 else f"{near.within} words"
        return (
            f"{', '.join(first)} and {last} in one paragraph, in any order, "
            f"at most {between} between"
        )


_DESCRIBER = _Describer()


def _describe_field(field: str | None) -> str:
    return "in any text or name" if field is None else f"only in the field {field}"
