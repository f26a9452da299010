"""Whether a query matches a text, and the places that made it one. Pure.

This decides. The batch matcher (:mod:`alerts.matching.matcher`) is compared with it, and what a
database
offers is only ever a choice of what to ask it about.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import msgspec

from alerts.queries.english import stem
from alerts.queries.fields import SEARCHED
from alerts.queries.parse import And, Near, Not, Or, Phrase, Query, Word
from alerts.queries.tokens import Place, Prepared, prepare

#: From a position to before another.
Span = tuple[int, int]


class Found(msgspec.Struct, frozen=True):
    """A match, and the places that made it one: in reading order, none overlapping."""

    places: tuple[Place, ...]


def find(query: Query, texts: Prepared | Mapping[str, Sequence[str]]) -> Found | None:
    """Where ``query`` matches ``texts``; None where it does not.

    Words may be spread over fields; a phrase stays inside a paragraph. The places are those of
    every word and phrase that took part, none for what must not be there.
    """
    prepared = texts if isinstance(texts, Prepared) else prepare(texts)
    spans = _spans(query, prepared)
    return None if spans is None else Found(tuple(_places(spans, prepared)))


def _spans(query: Query, texts: Prepared) -> set[Span] | None:
    """All spans that took part; None for no match."""
    match query:
        case Word() | Phrase() | Near():
            return _leaf(query, texts) or None
        case Not(part):
            return set() if _spans(part, texts) is None else None
        case And(parts):
            every = [_spans(part, texts) for part in parts]
            met = [spans for spans in every if spans is not None]
            return set().union(*met) if len(met) == len(every) else None
        case Or(parts):
            some = [spans for part in parts if (spans := _spans(part, texts)) is not None]
            return set().union(*some) if some else None


def _leaf(query: Word | Phrase | Near, texts: Prepared) -> set[Span]:
    if isinstance(query, Near):
        return _near(query, texts)
    return _within(query.field, _sequence(_words(query), texts), texts)


def _within(field: str | None, spans: set[Span], texts: Prepared) -> set[Span]:
    """Those of the spans that stand in a field, or in any that is searched."""
    wanted = SEARCHED if field is None else (field,)
    return {span for span in spans if texts.printed[span[0]].field in wanted}


def _sequence(words: Sequence[Word], texts: Prepared) -> set[Span]:
    """Where the words stand one straight after the other, hyphenated ones in any spelling."""
    size = sum(len(word.tokens) for word in words)
    reached: list[set[Span]] = [set() for _ in range(size + 1)]
    for first, after, keys in _spellings(words, texts):
        for key in keys:
            ends = texts.words.get(key)
            if ends and first == 0:
                reached[after] |= ends.items()
            elif ends:
                reached[after] |= {(a, ends[b]) for a, b in reached[first] if b in ends}
    return reached[size]


def _spellings(words: Iterable[Word], texts: Prepared) -> Iterator[tuple[int, int, Iterable[str]]]:
    """Every run of tokens that may stand as one word: from which, before which, and its keys."""
    done = 0
    for word in words:
        size = len(word.tokens)
        for first, after in combinations(range(size + 1), 2):
            closed = "".join(word.tokens[first:after])
            keys = _keys(closed, word, texts) if after == size else (closed,)
            yield done + first, done + after, keys
        done += size


def _keys(text: str, word: Word, texts: Prepared) -> Iterable[str]:
    """What a word that ends with ``text`` is found under; see
    :func:`alerts.queries.tokens.keys`."""
    match word.how:
        case "exact":
            return (text,)
        case "stem":
            return (f"~{stem(text)}",)
        case "capitals":
            return (f"^{text}",)
        case "prefix":
            return [key for key in texts.words if key.startswith(text)]


def _near(near: Near, texts: Prepared) -> set[Span]:
    """The spans wherever all parts stand together: one first, each other soon after its end."""
    found: set[Span] = set()
    parts = [sorted(_within(near.field, _sequence(_words(p), texts), texts)) for p in near.parts]
    for number, spans in enumerate(parts):
        others = parts[:number] + parts[number + 1 :]
        for first in spans:
            reached = [_reached(first, other, near.within, texts) for other in others]
            if all(reached):
                found.update([first], *reached)
    return found


def _words(part: Word | Phrase) -> tuple[Word, ...]:
    return (part,) if isinstance(part, Word) else part.words


def _reached(first: Span, others: Sequence[Span], within: int, texts: Prepared) -> list[Span]:
    """Those of ``others`` that begin in the same paragraph with few enough words between."""
    low = bisect_left(others, (first[1], 0))
    high = bisect_left(others, (first[1] + within + 1, 0))
    here = texts.printed[first[0]]
    return [
        span
        for span in others[low:high]
        if (at := texts.printed[span[0]]).paragraph == here.paragraph and at.field == here.field
    ]


def _places(spans: Iterable[Span], texts: Prepared) -> Iterator[Place]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        first, last = texts.printed[start], texts.printed[end - 1]
        yield Place(first.field, first.paragraph, first.start, last.end)
