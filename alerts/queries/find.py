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

from alerts.queries.fields import DEFAULT_FIELDS
from alerts.queries.parse import And, Near, Not, Or, Phrase, Query, Word
from alerts.text import Place, PreparedTexts, prepare_texts, stem

#: From a position to before another.
TokenSpan = tuple[int, int]


class TextMatch(msgspec.Struct, frozen=True):
    """A match, and the places that made it one: in reading order, none overlapping."""

    places: tuple[Place, ...]


def find_match(
    query: Query, texts: PreparedTexts | Mapping[str, Sequence[str]]
) -> TextMatch | None:
    """Where ``query`` matches ``texts``; None where it does not.

    Words may be spread over fields; a phrase stays inside a paragraph. The places are those of
    every word and phrase that took part, none for what must not be there.
    """
    prepared = texts if isinstance(texts, PreparedTexts) else prepare_texts(texts)
    spans = _find_spans(query, prepared)
    return None if spans is None else TextMatch(tuple(_merge_places(spans, prepared)))


def _find_spans(query: Query, texts: PreparedTexts) -> set[TokenSpan] | None:
    """All spans that took part; None for no match."""
    match query:
        case Word() | Phrase() | Near():
            return _find_leaf(query, texts) or None
        case Not(part):
            return set() if _find_spans(part, texts) is None else None
        case And(parts):
            every = [_find_spans(part, texts) for part in parts]
            met = [spans for spans in every if spans is not None]
            return set().union(*met) if len(met) == len(every) else None
        case Or(parts):
            some = [spans for part in parts if (spans := _find_spans(part, texts)) is not None]
            return set().union(*some) if some else None


def _find_leaf(query: Word | Phrase | Near, texts: PreparedTexts) -> set[TokenSpan]:
    if isinstance(query, Near):
        return _find_near(query, texts)
    return _filter_by_field(query.field, _find_sequence(_words_of(query), texts), texts)


def _filter_by_field(
    field: str | None, spans: set[TokenSpan], texts: PreparedTexts
) -> set[TokenSpan]:
    """Those of the spans that stand in a field, or in any that is searched."""
    wanted = DEFAULT_FIELDS if field is None else (field,)
    return {span for span in spans if texts.places[span[0]].field in wanted}


def _find_sequence(words: Sequence[Word], texts: PreparedTexts) -> set[TokenSpan]:
    """Where the words stand one straight after the other, hyphenated ones in any spelling."""
    size = sum(len(word.tokens) for word in words)
    reached: list[set[TokenSpan]] = [set() for _ in range(size + 1)]
    for first, after, keys in _generate_spellings(words, texts):
        for key in keys:
            ends = texts.positions_by_key.get(key)
            if ends and first == 0:
                reached[after] |= ends.items()
            elif ends:
                reached[after] |= {(a, ends[b]) for a, b in reached[first] if b in ends}
    return reached[size]


def _generate_spellings(
    words: Iterable[Word], texts: PreparedTexts
) -> Iterator[tuple[int, int, Iterable[str]]]:
    """Every run of tokens that may stand as one word: from which, before which, and its keys."""
    done = 0
    for word in words:
        size = len(word.tokens)
        for first, after in combinations(range(size + 1), 2):
            closed = "".join(word.tokens[first:after])
            keys = _list_keys(closed, word, texts) if after == size else (closed,)
            yield done + first, done + after, keys
        done += size


def _list_keys(text: str, word: Word, texts: PreparedTexts) -> Iterable[str]:
    """What a word that ends with ``text`` is found under; see
    :func:`alerts.text.tokenizer.build_word_keys`."""
    match word.mode:
        case "exact":
            return (text,)
        case "stem":
            return (f"~{stem(text)}",)
        case "capitals":
            return (f"^{text}",)
        case "prefix":
            return [key for key in texts.positions_by_key if key.startswith(text)]


def _find_near(near: Near, texts: PreparedTexts) -> set[TokenSpan]:
    """The spans wherever all parts stand together: one first, each other soon after its end."""
    found: set[TokenSpan] = set()
    parts = [
        sorted(_filter_by_field(near.field, _find_sequence(_words_of(p), texts), texts))
        for p in near.parts
    ]
    for number, spans in enumerate(parts):
        others = parts[:number] + parts[number + 1 :]
        for first in spans:
            reached = [_filter_by_distance(first, other, near.within, texts) for other in others]
            if all(reached):
                found.update([first], *reached)
    return found


def _words_of(part: Word | Phrase) -> tuple[Word, ...]:
    return (part,) if isinstance(part, Word) else part.words


def _filter_by_distance(
    first: TokenSpan, others: Sequence[TokenSpan], within: int, texts: PreparedTexts
) -> list[TokenSpan]:
    """Those of ``others`` that begin in the same paragraph with few enough words between."""
    low = bisect_left(others, (first[1], 0))
    high = bisect_left(others, (first[1] + within + 1, 0))
    here = texts.places[first[0]]
    return [
        span
        for span in others[low:high]
        if (at := texts.places[span[0]]).paragraph == here.paragraph and at.field == here.field
    ]


def _merge_places(spans: Iterable[TokenSpan], texts: PreparedTexts) -> Iterator[Place]:
    merged: list[TokenSpan] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        first, last = texts.places[start], texts.places[end - 1]
        yield Place(first.field, first.paragraph, first.start, last.end)
