"""Whether a query matches a text, and where. Pure.

This module defines what matches. The bulk matcher (:mod:`alerts.matching`) and the database's index
(:mod:`alerts.queries.index_terms`) only find the same faster, and are tested against it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, pairwise, starmap

import msgspec

from alerts.queries.ast import And, Leaf, MatchMode, Near, Not, Or, Phrase, Query, Word
from alerts.queries.fields import DEFAULT_FIELDS, prepare_fields
from alerts.queries.visitor import QueryVisitor, iter_words, list_leaves
from alerts.text import Place, PreparedTexts, can_close_up, find_common_start, fold_signs, stem

#: The position of the first token, and the position after the last.
TokenSpan = tuple[int, int]

#: Before the first letter of a word, and between its letters.
_WORD_START, _BETWEEN_LETTERS = r"(?<![^\W\d_])", r"[\W_]*"


class TextMatch(msgspec.Struct, frozen=True):
    """A match, and the places of the words and phrases that made it."""

    places: tuple[Place, ...]  #: in reading order; none overlap


def find_match(
    query: Query, texts: PreparedTexts | Mapping[str, Sequence[str]]
) -> TextMatch | None:
    """Return where ``query`` matches ``texts``, or None if it does not match.

    Words may be spread over fields; a phrase stays inside a paragraph. What a NOT excludes has no
    places.

    Args:
        query: Any query tree.
        texts: Paragraphs by field, prepared by :func:`alerts.queries.prepare_fields` if they
            are asked about more than once.
    """
    prepared = texts if isinstance(texts, PreparedTexts) else prepare_fields(texts)
    spans = _SpanFinder(prepared).visit(query)
    return None if spans is None else TextMatch(tuple(_merge_places(spans, prepared)))


def drop_unlikely_paragraphs(
    query: Query, texts: Mapping[str, Sequence[str]]
) -> dict[str, Sequence[str]]:
    """Return ``texts`` without what has none of the query's words.

    That is fields that it does not search, and paragraphs. The places of a match in the paragraphs
    that are left are the same. Most paragraphs have none
    of the words, and comparing letters takes a tenth of the time of finding words.
    """
    likely, searched = _find_likely(query)
    return {
        field: [text for text in paragraphs if likely.search(fold_signs(text))]
        for field, paragraphs in texts.items()
        if field in searched
    }


@lru_cache(200)  # one for each search that is shown; 12 results are compared with it
def _find_likely(query: Query) -> tuple[re.Pattern[str], frozenset[str]]:
    """Return what is in each folded paragraph that has a word of the query, and its fields.

    A word begins where no letter is before it, and may have signs between its letters: ``U.S.``
    """
    beginnings = {
        _shared_letters(token, word.mode)
        for leaf, _ in list_leaves(query)
        for word in iter_words(leaf)
        for token in word.tokens
    }
    pattern = re.compile(
        "|".join(
            (_WORD_START if letters[:1].isalpha() else "")
            + _BETWEEN_LETTERS.join(map(re.escape, letters))
            for letters in sorted(beginnings)
        )
    )
    return pattern, DEFAULT_FIELDS.union(leaf.field for leaf, _ in list_leaves(query) if leaf.field)


def _shared_letters(token: str, mode: MatchMode) -> str:
    """Return letters that all forms of a word begin with."""
    match mode:
        case "capitals":
            return token.lower()
        case "stem":
            return find_common_start(token)
        case _:
            return token


class _SpanFinder(QueryVisitor["set[TokenSpan] | None"]):
    """Finds the spans of all leaves that contribute to a match; None for no match."""

    def __init__(self, texts: PreparedTexts) -> None:
        self._texts = texts

    def visit_leaf(self, leaf: Leaf) -> set[TokenSpan] | None:
        if isinstance(leaf, Near):
            return _find_near(leaf, self._texts) or None
        spans = _find_sequence(_words_of(leaf), self._texts)
        return _filter_by_field(leaf.field, spans, self._texts) or None

    def visit_not(self, query: Not, part: set[TokenSpan] | None) -> set[TokenSpan] | None:
        return set() if part is None else None

    def visit_and(self, query: And, parts: list[set[TokenSpan] | None]) -> set[TokenSpan] | None:
        met = [spans for spans in parts if spans is not None]
        return set().union(*met) if len(met) == len(parts) else None

    def visit_or(self, query: Or, parts: list[set[TokenSpan] | None]) -> set[TokenSpan] | None:
        met = [spans for spans in parts if spans is not None]
        return set().union(*met) if met else None


def _filter_by_field(
    field: str | None, spans: set[TokenSpan], texts: PreparedTexts
) -> set[TokenSpan]:
    """Return the spans in a field, or in any default field for None."""
    fields = DEFAULT_FIELDS if field is None else (field,)
    return {span for span in spans if texts.places[span[0]].field in fields}


def _find_sequence(words: Sequence[Word], texts: PreparedTexts) -> set[TokenSpan]:
    """Return where the words directly follow each other, hyphenated ones in any spelling."""
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
    """Generate the runs of query tokens that a text may have as one word.

    Each is given as the number of its first token, the number after its last, and the keys under
    which such a word is found (:func:`alerts.text.build_word_keys`).
    """
    done = 0
    for word in words:
        size = len(word.tokens)
        for first, after in combinations(range(size + 1), 2):
            if not all(starmap(can_close_up, pairwise(word.tokens[first:after]))):
                continue
            closed = "".join(word.tokens[first:after])
            keys = _list_keys(closed, word.mode, texts) if after == size else (closed,)
            yield done + first, done + after, keys
        done += size


def _list_keys(text: str, mode: MatchMode, texts: PreparedTexts) -> Iterable[str]:
    """Return the keys of a word that ends with ``text`` (:func:`alerts.text.build_word_keys`)."""
    match mode:
        case "exact":
            return (text,)
        case "stem":
            return (f"~{stem(text)}", f"@{text}")
        case "capitals":
            return (f"^{text}",)
        case "prefix":
            return [key for key in texts.positions_by_key if key.startswith(text)]


def _find_near(near: Near, texts: PreparedTexts) -> set[TokenSpan]:
    """Return the spans of all parts wherever each of the others begins soon after one's end."""
    found: set[TokenSpan] = set()
    parts = [
        sorted(_filter_by_field(near.field, _find_sequence(_words_of(part), texts), texts))
        for part in near.parts
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
    """Return those of ``others`` that begin at most ``within`` words after ``first`` ends.

    They have to be in the same paragraph.
    """
    low = bisect_left(others, (first[1], 0))
    high = bisect_left(others, (first[1] + within + 1, 0))
    here = texts.places[first[0]]
    return [
        span
        for span in others[low:high]
        if (at := texts.places[span[0]]).paragraph == here.paragraph and at.field == here.field
    ]


def _merge_places(spans: Iterable[TokenSpan], texts: PreparedTexts) -> Iterator[Place]:
    """Generate the places of spans in reading order, overlapping ones as one."""
    merged: list[TokenSpan] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        first, last = texts.places[start], texts.places[end - 1]
        yield Place(first.field, first.paragraph, first.start, last.end)
