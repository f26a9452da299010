"""How a query is understood, in words, and where it is met. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alerts.matching import QuestionChanges
from alerts.queries import KEYWORD_FIELDS, Query, find_match, format_canonical, uses_field
from alerts.queries.ast import And, Near, Not, Or, Phrase, Word
from alerts.text import Place, Segment, cut_around


class QueryPart(msgspec.Struct, frozen=True):
    """A part of a query, and how it is matched."""

    part: str  #: in canonical form
    explanation: str
    is_excluded: bool = False


class MatchedPlace(msgspec.Struct, frozen=True):
    """A place that made a question match."""

    place: Place
    segments: tuple[Segment, ...]  #: what stands around it, the place marked


def explain_parts(query: Query, *, is_excluded: bool = False) -> Iterator[QueryPart]:
    """The parts of ``query`` as they are matched, in the order of its canonical form."""
    match query:
        case And(some) | Or(some):
            for part in some:
                yield from explain_parts(part, is_excluded=is_excluded)
        case Not(part):
            yield from explain_parts(part, is_excluded=not is_excluded)
        case Word() | Phrase() | Near():
            yield QueryPart(
                format_canonical(query),
                f"{_describe_leaf(query)}, {_describe_field(query.field)}",
                is_excluded,
            )


def find_matched_places(query: Query, told: QuestionChanges) -> list[MatchedPlace] | None:
    """Where a question meets ``query``; None where it does not match."""
    for texts in told.extract_texts(by_change=uses_field(query, "change")):
        found = find_match(query, texts)
        if found is not None:
            return [MatchedPlace(place, cut_around(texts, place)) for place in found.places]
    return None


def _describe_leaf(leaf: Word | Phrase | Near) -> str:
    match leaf:
        case Phrase(words):
            return f"these {len(words)} words, one straight after the other, as they are"
        case Near(some, within):
            between = "one word" if within == 1 else f"{within} words"
            return f"{_join_parts(some)} in one paragraph, in any order, at most {between} between"
        case Word():
            return _describe_word(leaf)


def _describe_word(word: Word) -> str:
    text = "-".join(word.tokens)
    spelt = ", with a hyphen, a space or neither" if len(word.tokens) > 1 else ""
    match word.mode:
        case "capitals":
            return f"in capitals only: {text}, {text}s, {text}'s"
        case "prefix":
            return f"any word that begins with {text}{spelt}"
        case "stem":
            return f"this word, its plural and its other forms{spelt}"
        case _ if word.field in KEYWORD_FIELDS:
            return f"exactly {text}"
        case _:
            return f"this word as it is{spelt}"


def _join_parts(some: tuple[Word | Phrase, ...]) -> str:
    *first, last = [format_canonical(part) for part in some]
    return f"{', '.join(first)} and {last}"


def _describe_field(field: str | None) -> str:
    if field is None:
        return "anywhere in the words or the names"
    return f"in {field} alone"
