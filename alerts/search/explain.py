"""How a query is understood, in words, and where it is met. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alerts.matching.decide import Told, names_change
from alerts.queries.ast import And, Near, Not, Or, Phrase, Query, Word
from alerts.queries.fields import KEYWORDS
from alerts.queries.find import find
from alerts.queries.parse import canonical
from alerts.queries.snippets import Segment, around
from alerts.queries.tokens import Place


class Part(msgspec.Struct, frozen=True):
    """A part of a query, and how it is matched."""

    part: str  #: in canonical form
    how: str
    is_denied: bool = False


class Met(msgspec.Struct, frozen=True):
    """A place that made a question match."""

    place: Place
    segments: tuple[Segment, ...]  #: what stands around it, the place marked


def parts(query: Query, *, is_denied: bool = False) -> Iterator[Part]:
    """The parts of ``query`` as they are matched, in the order of its canonical form."""
    match query:
        case And(some) | Or(some):
            for part in some:
                yield from parts(part, is_denied=is_denied)
        case Not(part):
            yield from parts(part, is_denied=not is_denied)
        case Word() | Phrase() | Near():
            yield Part(canonical(query), f"{_how(query)}, {_where(query.field)}", is_denied)


def met(query: Query, told: Told) -> list[Met] | None:
    """Where a question meets ``query``; None where it does not match."""
    for texts in told.texts(by_change=names_change(query)):
        found = find(query, texts)
        if found is not None:
            return [Met(place, around(texts, place)) for place in found.places]
    return None


def _how(leaf: Word | Phrase | Near) -> str:
    match leaf:
        case Phrase(words):
            return f"these {len(words)} words, one straight after the other, as they are"
        case Near(some, within):
            between = "one word" if within == 1 else f"{within} words"
            return f"{_listed(some)} in one paragraph, in any order, at most {between} between"
        case Word():
            return _word(leaf)


def _word(word: Word) -> str:
    text = "-".join(word.tokens)
    spelt = ", with a hyphen, a space or neither" if len(word.tokens) > 1 else ""
    match word.how:
        case "capitals":
            return f"in capitals only: {text}, {text}s, {text}'s"
        case "prefix":
            return f"any word that begins with {text}{spelt}"
        case "stem":
            return f"this word, its plural and its other forms{spelt}"
        case _ if word.field in KEYWORDS:
            return f"exactly {text}"
        case _:
            return f"this word as it is{spelt}"


def _listed(some: tuple[Word | Phrase, ...]) -> str:
    *first, last = [canonical(part) for part in some]
    return f"{', '.join(first)} and {last}"


def _where(field: str | None) -> str:
    if field is None:
        return "anywhere in the words or the names"
    return f"in {field} alone"
