"""The language that topics are written in (``docs/queries.md``): what a query means. Pure.

:func:`parse` reads a query, :func:`canonical` writes the one form that all queries of the same
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

from alerts.queries.ast import And, How, Near, Not, Or, Phrase, Query, Word
from alerts.queries.english import has_forms, stem
from alerts.queries.fields import KEYWORDS
from alerts.queries.grammar import MAX_HYPHENS, Node, QueryError, check_written_out, read
from alerts.queries.tokens import LINKING_LETTERS, tokenise

__all__ = [
    "And",
    "Near",
    "Not",
    "Or",
    "Phrase",
    "Query",
    "QueryError",
    "Word",
    "canonical",
    "parse",
]


def parse(text: str) -> Query:
    """The query that ``text`` means, in normal form; raises :class:`QueryError`."""
    query = _normal(_built(read(text), None))
    check_written_out(_written(query))
    return query


def canonical(query: Query) -> str:
    """The one way to write ``query``; :func:`parse` reads it back to the same."""
    return _written(_normal(query))


# ------------------------------------------------------------------ from the tree


def _built(node: Node, field: str | None) -> Query:
    if isinstance(node, Token):
        return _leaf(node, field)
    match node.data:
        case "without":
            return Not(_built(node.children[1], field))
        case "scoped":
            name, part = node.children
            return _built(part, str(name)[:-1].lower())
        case "window":
            return _window(node.children[0], node.children[1], field)
        case "near":
            return _near(node.children, field)
        case kind:
            parts = tuple(_built(part, field) for part in node.children)
            return And(parts) if kind == "all" else Or(parts)


def _leaf(text: Token, field: str | None) -> Word | Phrase:
    """What one word or one quoted phrase stands for."""
    words = _words(text)
    if sum(len(word) - 1 for word in words) > MAX_HYPHENS:
        raise QueryError(f"Use fewer hyphens: {MAX_HYPHENS} at most.", text.start_pos or 0)
    if len(words) > 1:
        return Phrase(tuple(Word(word, "exact") for word in words), field)
    is_exact = text.type == "QUOTED" or field in KEYWORDS
    acronym = None if is_exact else next((t.acronym for t in tokenise(text)), None)
    if "*" in text:
        return Word(words[0], "prefix", field)
    if acronym and len(words[0]) == 1:
        return Word((acronym,), "capitals", field)
    return Word(words[0], "exact" if is_exact else "stem", field)


def _words(text: str) -> list[tuple[str, ...]]:
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
        closed, hyphen = "", token.linked
    return [tuple(word) for word in words]


def _window(quoted: Node, within: Node, field: str | None) -> Near:
    """Words in quotes with a ``~5`` behind them."""
    assert isinstance(quoted, Token)
    assert isinstance(within, Token)
    words = tuple(Word(word, "exact") for word in _words(quoted))
    if len(words) < 2:
        message = f"Put two words or more in the quotes before “{within}”."
        raise QueryError(message, quoted.start_pos or 0)
    return Near(words, int(within[1:]), field)


def _near(nodes: list[Node], field: str | None) -> Query:
    """``a NEAR/5 b``, or the same between brackets with OR in them: each with each."""
    signs = [sign for sign in nodes[1::2] if isinstance(sign, Token)]
    at = signs[0].start_pos or 0
    if len({int(sign[5:]) for sign in signs}) > 1:
        raise QueryError("Use the same number in each NEAR of a row.", at)
    choices = [_choices(_built(node, field), at) for node in nodes[::2]]
    found: list[Query] = []
    for parts in product(*choices):
        scopes = {part.field for part in parts}
        if len(scopes) > 1:
            raise QueryError("Name one field for both sides of NEAR.", at)
        bare = tuple(msgspec.structs.replace(part, field=None) for part in parts)
        found.append(Near(bare, int(signs[0][5:]), scopes.pop()))
    return found[0] if len(found) == 1 else Or(tuple(found))


def _choices(query: Query, at: int) -> tuple[Word | Phrase, ...]:
    parts = query.parts if isinstance(query, Or) else (query,)
    found = tuple(part for part in parts if isinstance(part, Word | Phrase))
    if len(found) < len(parts):
        raise QueryError("Put words, phrases or a choice of them (a OR b) beside NEAR.", at)
    return found


# ------------------------------------------------------------------ the normal form


def _normal(query: Query, *, wanted: bool = True) -> Query:
    """``query`` (or, not ``wanted``, its opposite) flat, sorted, with NOT on leaves only."""
    match query:
        case Not(part):
            return _normal(part, wanted=not wanted)
        case And(parts):
            return _joined(And if wanted else Or, (_normal(p, wanted=wanted) for p in parts))
        case Or(parts):
            return _joined(Or if wanted else And, (_normal(p, wanted=wanted) for p in parts))
        case Near(parts, within, field):
            leaf: Query = Near(tuple(sorted(map(_plain, parts), key=_written)), within, field)
        case Word():
            leaf = _plain(query)
        case _:
            leaf = query
    return leaf if wanted else Not(leaf)


def _plain(word: Word | Phrase) -> Word | Phrase:
    """The word with its stem; "exact" only where that is not the same as "stem"."""
    if isinstance(word, Phrase) or word.how in ("capitals", "prefix"):
        return word
    *before, last = word.tokens
    if word.field in KEYWORDS or not has_forms(last):
        how: How = "exact" if word.field in KEYWORDS else "stem"
        return Word(word.tokens, how, word.field)
    return word if word.how == "exact" else Word((*before, stem(last)), "stem", word.field)


def _joined(kind: type[And | Or], parts: Iterable[Query]) -> Query:
    flat = chain.from_iterable(p.parts if isinstance(p, kind) else (p,) for p in parts)
    unique = sorted(set(flat), key=lambda part: (isinstance(part, Not), _written(part)))
    return unique[0] if len(unique) == 1 else kind(tuple(unique))


# ------------------------------------------------------------------ writing


def _written(query: Query) -> str:
    match query:
        case Word(tokens, how, field):
            return _scope(field) + _word("-".join(tokens), how, is_name=field in KEYWORDS)
        case Phrase(words, field):
            return f'{_scope(field)}"{" ".join("-".join(word.tokens) for word in words)}"'
        case Near(parts, within, field):
            scope = _scope(field)
            return f" NEAR/{within} ".join(scope + _written(part) for part in parts)
        case Not(part):
            return f"NOT {_written(part)}"
        case And(parts):
            return " ".join(f"({_written(p)})" if isinstance(p, Or) else _written(p) for p in parts)
        case Or(parts):
            return " OR ".join(map(_written, parts))


def _scope(field: str | None) -> str:
    return f"{field}:" if field else ""


def _word(text: str, how: How, *, is_name: bool) -> str:
    if how == "exact" and not is_name:
        return f'"{text}"'
    return text + "*" if how == "prefix" else text
