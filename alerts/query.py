"""The language that topics are written in: words, "phrases", AND, OR, NOT and brackets. Pure.

:func:`parse` reads a query, :func:`canonical` writes the one form that all queries of the same
meaning share, :func:`find` says where a query's words stand in a text. What is a word, and when
two are the same, is :mod:`alerts.text`'s; what is refused, :mod:`alerts.syntax`'s.

A hyphen in a query stands for a hyphen, a space or nothing: ``anti-social`` finds "anti-social",
"anti social" and "antisocial". ``antisocial`` finds the first and the last, ``"anti social"`` the
first two. With ``e``, ``u`` and ``x`` in front, all three are one query: ``escooter``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import TypeAlias

import msgspec
from lark import Token

from alerts.syntax import Node, QueryError, check_written_out, read
from alerts.text import LINKING_LETTERS, Place, Prepared, prepare, tokenise
from crawler.records import Question, paragraphs

__all__ = [
    "And",
    "Found",
    "Not",
    "Or",
    "Phrase",
    "Place",
    "Prepared",
    "Query",
    "QueryError",
    "Term",
    "canonical",
    "fields",
    "find",
    "parse",
    "prepare",
]


class Term(msgspec.Struct, frozen=True):
    """One word; more than one token where it is written with hyphens."""

    tokens: tuple[str, ...]


class Phrase(msgspec.Struct, frozen=True):
    """Two or more words, one straight after the other."""

    terms: tuple[Term, ...]


class And(msgspec.Struct, frozen=True):
    """All of the parts, anywhere."""

    parts: tuple[Query, ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of the parts."""

    parts: tuple[Query, ...]


class Not(msgspec.Struct, frozen=True):
    """Where the part is not found. In what :func:`parse` gives, the part is a word or phrase."""

    part: Query


Query: TypeAlias = Term | Phrase | And | Or | Not


class Found(msgspec.Struct, frozen=True):
    """A match, and the places that made it one: in reading order, none overlapping."""

    places: tuple[Place, ...]


# ------------------------------------------------------------------ reading and writing


def parse(text: str) -> Query:
    """The query that ``text`` means, in normal form; raises :class:`QueryError`."""
    query = _normal(_built(read(text)))
    check_written_out(_written(query))
    return query


def canonical(query: Query) -> str:
    """The one way to write ``query``; :func:`parse` reads it back to the same."""
    return _written(_normal(query))


def _built(node: Node) -> Query:
    if isinstance(node, Token):
        return _words(node)
    if node.data == "without":
        return Not(_built(node.children[1]))
    parts = tuple(_built(part) for part in node.children)
    return And(parts) if node.data == "all" else Or(parts)


def _words(text: str) -> Term | Phrase:
    """What one word or one quoted phrase stands for."""
    terms: list[list[str]] = []
    closed, hyphen = "", False
    tokens = tokenise(text)
    for number, token in enumerate(tokens, 1):
        closed += token.word
        # A linking letter closes up with what follows, however the query parts the two.
        if token.word in LINKING_LETTERS and number < len(tokens):
            continue
        if hyphen:
            terms[-1].append(closed)
        else:
            terms.append([closed])
        closed, hyphen = "", token.linked
    found = tuple(Term(tuple(tokens)) for tokens in terms)
    return found[0] if len(found) == 1 else Phrase(found)


def _normal(query: Query, *, wanted: bool = True) -> Query:
    """``query`` (or, not ``wanted``, its opposite) flat, sorted, with NOT on words only."""
    match query:
        case Not(part):
            return _normal(part, wanted=not wanted)
        case And(parts):
            return _joined(And if wanted else Or, (_normal(p, wanted=wanted) for p in parts))
        case Or(parts):
            return _joined(Or if wanted else And, (_normal(p, wanted=wanted) for p in parts))
        case _:
            return query if wanted else Not(query)


def _joined(kind: type[And | Or], parts: Iterable[Query]) -> Query:
    flat = chain.from_iterable(p.parts if isinstance(p, kind) else (p,) for p in parts)
    unique = sorted(set(flat), key=lambda part: (isinstance(part, Not), _written(part)))
    return unique[0] if len(unique) == 1 else kind(tuple(unique))


def _written(query: Query) -> str:
    match query:
        case Term(tokens):
            return "-".join(tokens)
        case Phrase(terms):
            return f'"{" ".join(map(_written, terms))}"'
        case Not(part):
            return f"NOT {_written(part)}"
        case And(parts):
            return " ".join(f"({_written(p)})" if isinstance(p, Or) else _written(p) for p in parts)
        case Or(parts):
            return " OR ".join(map(_written, parts))


# ------------------------------------------------------------------ finding


def fields(question: Question) -> dict[str, list[str]]:
    """The texts of a question by field, each a list of paragraphs, as :func:`find` takes them."""
    asker = question.asked_by
    answers = chain.from_iterable(answer.speeches for answer in question.answers)
    return {
        "title": _given(question.title),
        "question": list(paragraphs(question.question)),
        "answer": list(paragraphs(answers)),
        "asked_by": _name(asker.printed, asker.name) if asker else [],
        "asked_of": [t for a in question.asked_of for t in _name(a.printed, a.name, a.role)],
        "reference": _given(question.reference),
        "category": _given(question.category),
    }


def _given(text: str | None) -> list[str]:
    return [text] if text else []


def _name(printed: str, *more: str | None) -> list[str]:
    """What the page prints, and what we know of the person that is not in it."""
    return [printed, *(text for text in more if text and text not in printed)]


def find(query: Query, texts: Prepared | Mapping[str, Sequence[str]]) -> Found | None:
    """Where ``query`` matches ``texts``; None where it does not.

    Words may be spread over fields; a phrase stays inside a paragraph. The places are those of
    every word and phrase that took part, none for what must not be there.
    """
    prepared = texts if isinstance(texts, Prepared) else prepare(texts)
    spans = _spans(query, prepared)
    return None if spans is None else Found(tuple(_places(spans, prepared)))


def _spans(query: Query, texts: Prepared) -> set[tuple[int, int]] | None:
    """From which position to before which, for all that matched; None for no match."""
    match query:
        case Term(tokens):
            return _sequence((tokens,), texts) or None
        case Phrase(terms):
            return _sequence([term.tokens for term in terms], texts) or None
        case Not(part):
            return set() if _spans(part, texts) is None else None
        case And(parts):
            every: set[tuple[int, int]] = set()
            for part in parts:
                if (spans := _spans(part, texts)) is None:
                    return None
                every |= spans
            return every
        case Or(parts):
            some = [spans for part in parts if (spans := _spans(part, texts)) is not None]
            return set().union(*some) if some else None


def _sequence(terms: Sequence[Sequence[str]], texts: Prepared) -> set[tuple[int, int]]:
    """Where the terms stand one straight after the other, hyphenated ones in any spelling."""
    size = sum(map(len, terms))
    reached: list[set[tuple[int, int]]] = [set() for _ in range(size + 1)]
    for first, after, word in _spellings(terms):
        ends = texts.words.get(word)
        if ends and first == 0:
            reached[after] |= ends.items()
        elif ends:
            reached[after] |= {(a, ends[b]) for a, b in reached[first] if b in ends}
    return reached[size]


def _spellings(terms: Iterable[Sequence[str]]) -> Iterator[tuple[int, int, str]]:
    """Every run of tokens that may stand as one word: from which, before which, and that word."""
    done = 0
    for term in terms:
        for first, after in combinations(range(len(term) + 1), 2):
            yield done + first, done + after, "".join(term[first:after])
        done += len(term)


def _places(spans: Iterable[tuple[int, int]], texts: Prepared) -> Iterator[Place]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        first, last = texts.printed[start], texts.printed[end - 1]
        yield Place(first.field, first.paragraph, first.start, last.end)
