"""Parsing what a subscriber typed, and the canonical form that queries of one meaning share. Pure.

What is refused, and with which sentence, is decided in :mod:`alerts.queries.checks`; what counts as
a word, in :mod:`alerts.text.tokenizer`; what matches, and where, in :mod:`alerts.queries.find`. The
language is described in ``docs/reference/queries.md``.

A hyphen in a query stands for a hyphen, a space or nothing: ``anti-social`` finds "anti-social",
"anti social" and "antisocial". ``antisocial`` finds the first and the last, ``"anti social"`` the
first two. After ``e``, ``u`` and ``x`` all three are the same query: ``escooter``. Where another
sign is between (``E. Smith``), the canonical form keeps a full stop: ``"e. smith"``.

This parser checks, folds and sorts. A canonical form needs none of that, so it is read back by
:func:`alerts.queries.canonical.parse_canonical`, about 40 times as fast (2.4 µs instead of 100 µs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain, product, zip_longest
from typing import TypeAlias

import msgspec
from lark import Token

from alerts.language import gettext
from alerts.queries.ast import And, Leaf, Near, Not, Or, Phrase, Query, Word
from alerts.queries.canonical import parse_canonical
from alerts.queries.capitals import has_small_letters
from alerts.queries.checks import (
    MAX_HYPHENS,
    QueryError,
    check_expanded_size,
    offset_of,
    read_distance,
)
from alerts.queries.fields import KEYWORD_FIELDS
from alerts.queries.grammar import Node, parse_tree
from alerts.queries.little_words import split_little_words
from alerts.queries.visitor import QueryVisitor
from alerts.text import (
    CURRENCY_WORDS,
    LINKING_LETTERS,
    STOP_WORDS,
    find_spoken_acronym,
    has_forms,
    is_written_closed,
    tokenise,
)

__all__ = ["LANGUAGE_VERSION", "QueryError", "format_canonical", "parse_query"]

#: Version of the language that canonical forms are written in. A change that gives existing
#: queries another canonical form raises it and comes with a migration; the ledger then rewrites
#: the forms that it holds.
LANGUAGE_VERSION = 5

#: Ways to write the unit of a sum.
_UNITS = (("m", "million"), ("bn", "billion"))
#: Queries that are kept parsed. A page reads the same text three times, and a feed at each request;
#: parsing takes up to 1 ms, and 200 queries of 500 characters are 1 MB.
_MAX_PARSED = 200


def parse_query(text: str) -> Query:
    """Return the query that ``text`` means, in normal form.

    Raises:
        QueryError: The text is no query, or one that is not accepted.
    """
    return _parse_checked(text)


@lru_cache(_MAX_PARSED)
def _parse_checked(text: str) -> Query:
    query = _parse_once(text)
    form = _FORMATTER.visit(query)
    check_expanded_size(form)
    if not _is_read_back(form, query, text):
        message = gettext(
            "Write this in another way: it would be kept as “%(form)s”, which means another query."
        )
        raise QueryError(message % {"form": form}, 0)
    return query


def format_canonical(query: Query) -> str:
    """Return the canonical form of ``query``, which :func:`parse_query` reads back to the same."""
    return _FORMATTER.visit(_normalise(query))


def _parse_once(text: str) -> Query:
    return _normalise(_build(parse_tree(text), None))


def _is_read_back(form: str, query: Query, text: str) -> bool:
    """Return whether both parsers read a canonical form back to the query of a text.

    Signs that are dropped can turn a word into something else: ``OR.`` is "or" in capitals, whose
    canonical form is an operator, and ``U.S.`` becomes the stop word ``us``. Such a topic could be
    stored, but not read again when a digest is due.
    """
    try:
        return parse_canonical(form) == query and (form == text or _parse_once(form) == query)
    except QueryError:
        return False


# ------------------------------------------------------------------ from the parse tree


def _build(node: Node, field: str | None) -> Query:
    """Return the query of a node of the parse tree; ``field`` is the one named around it."""
    if isinstance(node, Token):
        return _build_leaf(node, field)
    match node.data:
        case "without":
            return Not(_build(node.children[1], field))
        case "scoped":
            name, part = node.children
            return _build(part, str(name)[:-1].lower())
        case "window":
            return _build_window(node.children[0], node.children[1], field)
        case "near":
            return _build_near(node.children, field)
        case kind:
            kept = node.children
            if kind == "all" and field not in KEYWORD_FIELDS:
                kept, _ = split_little_words(kept)
            parts = tuple(_build(part, field) for part in kept)
            return And(parts) if kind == "all" else Or(parts)


def _build_leaf(text: Token, field: str | None) -> Word | Phrase | Or:
    """Return the query of one word, of a sum with both forms of its unit, or of a phrase."""
    words = _split_words(text)
    if text.type == "WORD" and field not in KEYWORD_FIELDS and (units := _list_units(words)):
        forms = [(*words[:-1], (*words[-1][:-1], unit)) for unit in units]
        return Or(tuple(_join_words(form, field) for form in forms))
    if sum(len(word) - 1 for word in words) > MAX_HYPHENS:
        message = gettext("Use fewer hyphens: %(limit)s at most.")
        raise QueryError(message % {"limit": MAX_HYPHENS}, offset_of(text))
    if len(words) > 1:
        return Phrase(tuple(Word(word, "exact") for word in words), field)
    is_exact = text.type == "QUOTED" or field in KEYWORD_FIELDS
    acronym = None if has_small_letters(text) else tokenise(text)[0].acronym
    if is_exact and (field in KEYWORD_FIELDS or words[0][0] not in STOP_WORDS):
        acronym = None  # but "US" is not "us", which is in nearly every text
    if "*" in text:
        return Word(words[0], "prefix", field)
    if acronym and len(words[0]) == 1:
        return Word((find_spoken_acronym(words[0][0]) or acronym,), "capitals", field)
    return Word(words[0], "exact" if is_exact else "stem", field)


def _list_units(words: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return both ways to write the unit of a sum: ``m`` and *million* for ``£5m``.

    Without a currency, ``2m`` may be two metres, and would be found in ``1.2m``.
    """
    *before, unit = words[-1]
    is_sum = words[0][0] in CURRENCY_WORDS and bool(before) and before[-1].isdecimal()
    return next((units for units in _UNITS if is_sum and unit in units), ())


def _join_words(words: Sequence[tuple[str, ...]], field: str | None) -> Word | Phrase:
    if len(words) == 1:
        return Word(words[0], "stem", field)
    return Phrase(tuple(Word(word, "exact") for word in words), field)


def _split_words(text: str) -> list[tuple[str, ...]]:
    """Return the words of a text, each as the tokens that its hyphens separate."""
    words: list[list[str]] = []
    closed, is_linked = "", False
    tokens = tokenise(text)
    for token, following in zip_longest(tokens, tokens[1:]):
        closed += token.word
        is_closed = "*" in text and following and token.end == following.start
        if token.is_linked and (is_closed or is_written_closed(token.word, following.word)):
            continue
        if is_linked:
            words[-1].append(closed)
        else:
            words.append([closed])
        closed, is_linked = "", token.is_linked
    return [tuple(word) for word in words]


def _build_window(quoted: Node, within: Node, field: str | None) -> Near:
    """Return the query of quoted words that a tilde and a number follow: ``"knife crime"~5``."""
    assert isinstance(quoted, Token)
    assert isinstance(within, Token)
    words = tuple(Word(word, "exact") for word in _split_words(quoted))
    if len(words) < 2:
        message = gettext("Put two words or more in the quotes before “%(sign)s”.")
        raise QueryError(message % {"sign": within}, offset_of(quoted))
    return Near(words, read_distance(within), field)


def _build_near(nodes: list[Node], field: str | None) -> Query:
    """Return the query of ``a NEAR/5 b``.

    Where a side is a choice in brackets, each of its parts is combined with each of the other
    side's: ``(a OR b) NEAR/5 c`` is ``a NEAR/5 c OR b NEAR/5 c``.
    """
    operators = [sign for sign in nodes[1::2] if isinstance(sign, Token)]
    column = offset_of(operators[0])
    if len({read_distance(operator) for operator in operators}) > 1:
        raise QueryError(gettext("Use the same number in each NEAR of a row."), column)
    choices = [_list_choices(_build(node, field), column) for node in nodes[::2]]
    combined: list[Query] = []
    for parts in product(*choices):
        scopes = {part.field for part in parts}
        if len(scopes) > 1:
            raise QueryError(gettext("Name one field for both sides of NEAR."), column)
        bare = tuple(msgspec.structs.replace(part, field=None) for part in parts)
        combined.append(Near(bare, read_distance(operators[0]), scopes.pop()))
    return combined[0] if len(combined) == 1 else Or(tuple(combined))


def _list_choices(query: Query, column: int) -> tuple[Word | Phrase, ...]:
    parts = query.parts if isinstance(query, Or) else (query,)
    leaves = tuple(part for part in parts if isinstance(part, Word | Phrase))
    if len(leaves) < len(parts):
        message = gettext("Put words, phrases or a choice of them (a OR b) beside NEAR.")
        raise QueryError(message, column)
    return leaves


# ------------------------------------------------------------------ the normal form

#: Returns the normal form of a query (called with True) or of its opposite (with False).
_Normaliser: TypeAlias = Callable[[bool], Query]


def _normalise(query: Query) -> Query:
    """Return ``query`` flat and sorted, each part once, with NOT on leaves only."""
    return _NORMALISER.visit(query)(True)


class _NormaliseVisitor(QueryVisitor[_Normaliser]):
    """Pushes NOT down to the leaves, by De Morgan's laws."""

    def visit_word(self, word: Word) -> _Normaliser:
        return self.visit_leaf(_normalise_word(word))

    def visit_near(self, near: Near) -> _Normaliser:
        parts = sorted(map(_normalise_word, near.parts), key=_FORMATTER.visit)
        return self.visit_leaf(Near(tuple(parts), near.within, near.field))

    def visit_leaf(self, leaf: Leaf) -> _Normaliser:
        return lambda is_positive: leaf if is_positive else Not(leaf)

    def visit_not(self, query: Not, part: _Normaliser) -> _Normaliser:
        return lambda is_positive: part(not is_positive)

    def visit_and(self, query: And, parts: list[_Normaliser]) -> _Normaliser:
        return lambda is_positive: _merge(
            And if is_positive else Or, [part(is_positive) for part in parts]
        )

    def visit_or(self, query: Or, parts: list[_Normaliser]) -> _Normaliser:
        return lambda is_positive: _merge(
            Or if is_positive else And, [part(is_positive) for part in parts]
        )


_NORMALISER = _NormaliseVisitor()


def _normalise_word(word: Word | Phrase) -> Word | Phrase:
    """Return the word in mode "exact" only if that differs from mode "stem".

    A little word in quotes stays in quotes, because it is left out without them.
    """
    if isinstance(word, Phrase) or word.mode in ("capitals", "prefix"):
        return word
    if word.field in KEYWORD_FIELDS:
        return Word(word.tokens, "exact", word.field)
    is_little = len(word.tokens) == 1 and word.tokens[0] in STOP_WORDS
    return (
        word if is_little or has_forms(word.tokens[-1]) else Word(word.tokens, "stem", word.field)
    )


def _merge(kind: type[And | Or], parts: Iterable[Query]) -> Query:
    flat = list(chain.from_iterable(p.parts if isinstance(p, kind) else (p,) for p in parts))
    unique = sorted(set(flat), key=lambda part: (isinstance(part, Not), _FORMATTER.visit(part)))
    return unique[0] if len(unique) == 1 else kind(tuple(unique))


# ------------------------------------------------------------------ writing


class _FormatVisitor(QueryVisitor[str]):
    """Writes a query as it could be typed."""

    def visit_word(self, word: Word) -> str:
        text = "-".join(word.tokens)
        if word.mode == "exact" and word.field not in KEYWORD_FIELDS:
            text = f'"{text}"'
        return _format_field(word.field) + text + ("*" if word.mode == "prefix" else "")

    def visit_phrase(self, phrase: Phrase) -> str:
        *before, last = ["-".join(word.tokens) for word in phrase.words]
        texts = [f"{word}." if _ends_in_linking_letter(word) else word for word in before]
        return f'{_format_field(phrase.field)}"{" ".join([*texts, last])}"'

    def visit_near(self, near: Near) -> str:
        field = _format_field(near.field)
        return f" NEAR/{near.within} ".join(field + self.visit(part) for part in near.parts)

    def visit_not(self, query: Not, part: str) -> str:
        return f"NOT {part}"

    def visit_and(self, query: And, parts: Sequence[str]) -> str:
        return " ".join(
            f"({text})" if isinstance(part, Or) else text
            for part, text in zip(query.parts, parts, strict=True)
        )

    def visit_or(self, query: Or, parts: Sequence[str]) -> str:
        return " OR ".join(parts)


_FORMATTER = _FormatVisitor()


def _ends_in_linking_letter(word: str) -> bool:
    return word.rpartition("-")[2] in LINKING_LETTERS


def _format_field(field: str | None) -> str:
    return f"{field}:" if field else ""
