"""The language that topics are written in (``docs/queries.md``): what a query means. Pure.

:func:`parse_query` reads a query, :func:`format_canonical` writes the one form that all queries of
the same
meaning share. What is refused, and in which words, is :mod:`alerts.queries.grammar`'s and
:mod:`alerts.refusing`'s; what is a word, :mod:`alerts.queries.tokens`'s; what matches, and where,
:mod:`alerts.queries.find`'s.

A hyphen in a query stands for a hyphen, a space or nothing: ``anti-social`` finds "anti-social",
"anti social" and "antisocial". ``antisocial`` finds the first and the last, ``"anti social"`` the
first two. With ``e``, ``u`` and ``x`` in front, all three are one query: ``escooter``.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, product

import msgspec
from lark import Token

from alerts.queries.ast import And, MatchMode, Near, Not, Or, Phrase, Query, Word
from alerts.queries.english import has_forms, stem
from alerts.queries.fields import KEYWORD_FIELDS
from alerts.queries.grammar import MAX_HYPHENS, Node, QueryError, check_expanded_size, parse_tree
from alerts.queries.tokens import LINKING_LETTERS, tokenise

__all__ = [
    "LANGUAGE_VERSION",
    "And",
    "Near",
    "Not",
    "Or",
    "Phrase",
    "Query",
    "QueryError",
    "Word",
    "format_canonical",
    "parse_query",
]

#: Version of the language that canonical forms are written in. A change that gives existing
#: queries another canonical form raises it and comes with a migration; the ledger then rewrites
#: the forms that it holds.
LANGUAGE_VERSION = 2


def parse_query(text: str) -> Query:
    """The query that ``text`` means, in normal form; raises :class:`QueryError`."""
    query = _normalise(_build(parse_tree(text), None))
    check_expanded_size(_format(query))
    return query


def format_canonical(query: Query) -> str:
    """The one way to write ``query``; :func:`parse_query` reads it back to the same."""
    return _format(_normalise(query))


# ------------------------------------------------------------------ from the tree


def _build(node: Node, field: str | None) -> Query:
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
            parts = tuple(_build(part, field) for part in node.children)
            return And(parts) if kind == "all" else Or(parts)


def _build_leaf(text: Token, field: str | None) -> Word | Phrase:
    """What one word or one quoted phrase stands for."""
    words = _split_words(text)
    if sum(len(word) - 1 for word in words) > MAX_HYPHENS:
        raise QueryError(f"Use fewer hyphens: {MAX_HYPHENS} at most.", text.start_pos or 0)
    if len(words) > 1:
        return Phrase(tuple(Word(word, "exact") for word in words), field)
    is_exact = text.type == "QUOTED" or field in KEYWORD_FIELDS
    acronym = None if is_exact else next((t.acronym for t in tokenise(text)), None)
    if "*" in text:
        return Word(words[0], "prefix", field)
    if acronym and len(words[0]) == 1:
        return Word((acronym,), "capitals", field)
    return Word(words[0], "exact" if is_exact else "stem", field)


def _split_words(text: str) -> list[tuple[str, ...]]:
    """The words of a text, each with the tokens that hyphens part it into."""
    words: list[list[str]] = []
    closed, hyphen = "", False
    tokens = tokenise(text)
    for number, token in enumerate(tokens, 1):
        closed += token.word
        # A linking letter closes up with what follows, however the query parts the two.
        if token.word in LINKING_LETTERS and number < len(tokens):
            continue
        if hyphen:
            words[-1].append(closed)
        else:
            words.append([closed])
        closed, hyphen = "", token.is_linked
    return [tuple(word) for word in words]


def _build_window(quoted: Node, within: Node, field: str | None) -> Near:
    """Words in quotes with a ``~5`` behind them."""
    assert isinstance(quoted, Token)
    assert isinstance(within, Token)
    words = tuple(Word(word, "exact") for word in _split_words(quoted))
    if len(words) < 2:
        message = f"Put two words or more in the quotes before “{within}”."
        raise QueryError(message, quoted.start_pos or 0)
    return Near(words, int(within[1:]), field)


def _build_near(nodes: list[Node], field: str | None) -> Query:
    """``a NEAR/5 b``, or the same between brackets with OR in them: each with each."""
    signs = [sign for sign in nodes[1::2] if isinstance(sign, Token)]
    at = signs[0].start_pos or 0
    if len({int(sign[5:]) for sign in signs}) > 1:
        raise QueryError("Use the same number in each NEAR of a row.", at)
    choices = [_list_choices(_build(node, field), at) for node in nodes[::2]]
    found: list[Query] = []
    for parts in product(*choices):
        scopes = {part.field for part in parts}
        if len(scopes) > 1:
            raise QueryError("Name one field for both sides of NEAR.", at)
        bare = tuple(msgspec.structs.replace(part, field=None) for part in parts)
        found.append(Near(bare, int(signs[0][5:]), scopes.pop()))
    return found[0] if len(found) == 1 else Or(tuple(found))


def _list_choices(query: Query, at: int) -> tuple[Word | Phrase, ...]:
    parts = query.parts if isinstance(query, Or) else (query,)
    found = tuple(part for part in parts if isinstance(part, Word | Phrase))
    if len(found) < len(parts):
        raise QueryError("Put words, phrases or a choice of them (a OR b) beside NEAR.", at)
    return found


# ------------------------------------------------------------------ the normal form


def _normalise(query: Query, *, is_positive: bool = True) -> Query:
    """``query`` (or, not ``is_positive``, its opposite) flat, sorted, with NOT on leaves only."""
    match query:
        case Not(part):
            return _normalise(part, is_positive=not is_positive)
        case And(parts):
            return _merge(
                And if is_positive else Or, (_normalise(p, is_positive=is_positive) for p in parts)
            )
        case Or(parts):
            return _merge(
                Or if is_positive else And, (_normalise(p, is_positive=is_positive) for p in parts)
            )
        case Near(parts, within, field):
            leaf: Query = Near(
                tuple(sorted(map(_normalise_word, parts), key=_format)), within, field
            )
        case Word():
            leaf = _normalise_word(query)
        case _:
            leaf = query
    return leaf if is_positive else Not(leaf)


def _normalise_word(word: Word | Phrase) -> Word | Phrase:
    """The word with its stem; "exact" only where that is not the same as "stem"."""
    if isinstance(word, Phrase) or word.mode in ("capitals", "prefix"):
        return word
    *before, last = word.tokens
    if word.field in KEYWORD_FIELDS or not has_forms(last):
        how: MatchMode = "exact" if word.field in KEYWORD_FIELDS else "stem"
        return Word(word.tokens, how, word.field)
    return word if word.mode == "exact" else Word((*before, stem(last)), "stem", word.field)


def _merge(kind: type[And | Or], parts: Iterable[Query]) -> Query:
    flat = chain.from_iterable(p.parts if isinstance(p, kind) else (p,) for p in parts)
    unique = sorted(set(flat), key=lambda part: (isinstance(part, Not), _format(part)))
    return unique[0] if len(unique) == 1 else kind(tuple(unique))


# ------------------------------------------------------------------ writing


def _format(query: Query) -> str:
    match query:
        case Word(tokens, how, field):
            return _format_scope(field) + _format_word(
                "-".join(tokens), how, is_name=field in KEYWORD_FIELDS
            )
        case Phrase(words, field):
            return f'{_format_scope(field)}"{" ".join("-".join(word.tokens) for word in words)}"'
        case Near(parts, within, field):
            scope = _format_scope(field)
            return f" NEAR/{within} ".join(scope + _format(part) for part in parts)
        case Not(part):
            return f"NOT {_format(part)}"
        case And(parts):
            return " ".join(f"({_format(p)})" if isinstance(p, Or) else _format(p) for p in parts)
        case Or(parts):
            return " OR ".join(map(_format, parts))


def _format_scope(field: str | None) -> str:
    return f"{field}:" if field else ""


def _format_word(text: str, how: MatchMode, *, is_name: bool) -> str:
    if how == "exact" and not is_name:
        return f'"{text}"'
    return text + "*" if how == "prefix" else text
