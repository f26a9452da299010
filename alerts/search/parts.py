"""The parts of a query that can be written in another way: leaves, and words side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby

from alerts.queries import Query, ast, iter_words
from alerts.text import STOP_WORDS, stem

#: Endings of the words that are compared by their stems. ``met`` is no form of ``meeting`` here: it
#: is a name for the police.
_INFLECTED = ("s", "ed", "ing")


def list_parts(query: Query) -> list[Query]:
    """Return the wanted words and phrases of a query in normal form, and its runs of words.

    A run is an AND of all plain words that stand side by side in one field, such as the words of
    ``Transport for London`` without quotes.
    """
    return list(dict.fromkeys(_iter_parts(query)))


def _iter_parts(query: Query) -> Iterator[Query]:
    match query:
        case ast.Word() | ast.Phrase():
            yield query
        case ast.And(parts):
            plain = [one for one in parts if isinstance(one, ast.Word) and one.mode == "stem"]
            for _, side_by_side in groupby(
                sorted(plain, key=lambda word: word.field or ""), lambda word: word.field
            ):
                run = tuple(side_by_side)
                if len(run) > 1:
                    yield ast.And(run)
            for part in parts:
                yield from _iter_parts(part)
        case ast.Or(parts):
            for part in parts:
                yield from _iter_parts(part)


def replace_part(query: Query, part: Query, replacement: Query) -> Query:
    """Return ``query`` with ``replacement`` in place of a word, a phrase or a run of words."""
    if query == part:
        return replacement
    match query:
        case ast.And(parts):
            if isinstance(part, ast.And) and set(part.parts) <= set(parts):
                others = [one for one in parts if one not in part.parts]
                return ast.And((replacement, *others))
            return ast.And(tuple(replace_part(one, part, replacement) for one in parts))
        case ast.Or(parts):
            return ast.Or(tuple(replace_part(one, part, replacement) for one in parts))
    return query


@lru_cache(4096)  # the same few hundred names are compared with every query
def list_stems(part: Query) -> frozenset[str]:
    """Return the stems of the words of a part, without little words.

    Parts with the same stems are taken for the same words: ``fire brigades``, ``"Fire Brigade"``.
    """
    words = part.parts if isinstance(part, ast.And) else (part,)
    return frozenset(
        stem(folded) if folded.endswith(_INFLECTED) else folded
        for leaf in words
        if isinstance(leaf, (ast.Word, ast.Phrase, ast.Near))
        for word in iter_words(leaf)
        for token in word.tokens
        if token not in STOP_WORDS
        for folded in (token.lower(),)
    )


def find_run(part: Query, stems: frozenset[str]) -> Query | None:
    """Return the part, or the words of a run, with just these stems; None if there are none."""
    if not stems:
        return None
    if list_stems(part) == stems:
        return part
    if not isinstance(part, ast.And) or len(stems) < 2:
        return None
    words = tuple(one for one in part.parts if list_stems(one) <= stems)
    is_all = len(words) > 1 and frozenset().union(*map(list_stems, words)) == stems
    return ast.And(words) if is_all else None


def get_field(part: Query) -> str | None:
    """Return the field of a part."""
    leaf = part.parts[0] if isinstance(part, ast.And) else part
    return leaf.field if isinstance(leaf, (ast.Word, ast.Phrase, ast.Near)) else None
